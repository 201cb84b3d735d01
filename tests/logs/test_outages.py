"""What goes wrong between this machine and an address: each one sentence that names it, with what to do."""

from __future__ import annotations

import io
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reads import listens, rows
from stores import BUCKET, KEYS, closed_port, failing_server, s3_server, web_server

from fairpay.cli import main
from fairpay.errors import InputError
from fairpay.logs import faults, stores
from fairpay.logs.read import open_logs
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stores, "SILENCE", 1)
    monkeypatch.setattr(stores, "CONNECT", 1)
    monkeypatch.setattr(stores, "TRIES", 2)
    stores.amazon.cache_clear()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def refused(address: str) -> InputError:
    with pytest.raises(InputError) as caught:
        rows(address)
    assert caught.value.advice
    return caught.value


TEXT, PARQUET, PATTERN = "s3://listening/a.csv", "s3://listening/a.parquet", "s3://listening/*/a.csv"
PAGE, FAR = "{web}/a.csv", "{web}/a.parquet"
FAILING = {
    ("closed", "no connection to the server"): (TEXT, PATTERN, PAGE),
    ("silent", "the server did not answer in time"): (TEXT, PAGE),
    ("cut", "the connection broke before the end"): (TEXT, PARQUET, PAGE),
    ("403 Forbidden", "the server refused access"): (TEXT, PARQUET, PATTERN, PAGE, FAR),
    ("503 Slow Down", "the server is too busy to answer"): (TEXT, PAGE),
    ("500 Internal Server Error", "the server failed"): (TEXT, PAGE),
}


@pytest.mark.parametrize(
    ("how", "said", "address"), [(*kind, address) for kind, addresses in FAILING.items() for address in addresses]
)
def test_a_server_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, how: str, said: str, address: str) -> None:
    if how == "silent":
        monkeypatch.setattr(stores, "SILENCE", 0.2)
        monkeypatch.setattr(stores, "TRIES", 1)
    with nullcontext(closed_port()) if how == "closed" else failing_server(how) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        where = address.format(web=f"http://127.0.0.1:{port}")
        error = refused(where)
    assert str(error) in {f"{where}: {said}", f"{where.partition('/*')[0]}: {said}"}


def test_a_fault_between_opening_and_reading_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    out = io.BytesIO()
    users = [os.urandom(64).hex() for _ in range(20_000)]  # more than is fetched with the footer
    pq.write_table(pa.table({"user": users, "artist": users}), out)
    bodies = {"/a.parquet": out.getvalue()}
    with web_server(bodies) as server:
        gone, broken = (open_logs(f"{server.url}/a.parquet", Reading(), wanted=()).units()[0] for _ in range(2))
        server.kind.broken = True
        with pytest.raises(InputError, match=f"{server.url}/a.parquet: the connection broke before the end"):
            list(broken())
        bodies.clear()
        with pytest.raises(InputError, match=f"{server.url}/a.parquet: nothing is there"):
            list(gone())
    assert capfd.readouterr().err == ""


def test_what_is_not_in_a_bucket_is_told_from_a_bucket_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as objects:
        monkeypatch.setenv("AWS_ENDPOINT_URL", objects.endpoint)
        for name in ("a.csv", "a.parquet", "folder/"):
            assert str(refused(f"s3://{BUCKET}/{name}")) == f"s3://{BUCKET}/{name.rstrip('/')}: nothing is there"
        for name in ("a.csv", "a.parquet", "*.csv", ""):
            assert str(refused(f"s3://no-such-bucket/{name}")).endswith(": there is no such bucket")
        assert str(refused(f"s3://{BUCKET}/*.csv")) == f"s3://{BUCKET}/*.csv: no object matches"
    with web_server({}) as server:
        assert str(refused(f"{server.url}/a.csv")) == f"{server.url}/a.csv: nothing is there"


def test_wrong_keys_are_refused_and_right_ones_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as objects:
        address = objects.put("a.csv", b"user,artist\nu1,a\n")
        right = user_with_keys(objects.endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", objects.endpoint)
        ask_for_keys(objects.endpoint, always=True)
        try:
            error = refused(address)
            for name, value in right.items():
                monkeypatch.setenv(name, value)
            assert listens(address) == [("u1", "a", 1)]
        finally:
            ask_for_keys(objects.endpoint, always=False)
    assert str(error) == f"{address}: the server refused access"
    assert "AWS_SECRET_ACCESS_KEY" in error.advice
    assert not [secret for secret in KEYS.values() if secret in str(error) + error.advice]


def user_with_keys(endpoint: str) -> dict[str, str]:
    told = {
        "endpoint_url": endpoint,
        "aws_access_key_id": "k",
        "aws_secret_access_key": "s",
        "region_name": "eu-north-1",
    }
    people = boto3.client("iam", **told)
    people.create_user(UserName="reader")
    everything = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    people.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=everything)
    key = people.create_access_key(UserName="reader")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def ask_for_keys(endpoint: str, *, always: bool) -> None:
    from urllib.request import Request, urlopen  # noqa: PLC0415 - here only

    count = b"0" if always else b"Infinity"
    urlopen(Request(f"{endpoint}/moto-api/reset-auth", data=count, headers={"Content-Type": "text/plain"})).close()  # noqa: S310 - on the loopback


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Error performing PUT http://169.254.169.254/latest/api/token in 5s", "no credentials were found"),
        (
            "AWS Error UNKNOWN (HTTP status 301) during HeadObject operation: No response body",
            "this bucket is elsewhere",
        ),
        ("AWS Error EXPIRED_TOKEN during GetObject operation", "the credentials have expired"),
        ("<urlopen error [SSL: CERTIFICATE_VERIFY_FAILED] self-signed>", "the server's certificate is not trusted"),
        ("AWS Error X: failed for key 'forbidden/certificate' in bucket 'b'", "cannot be read: AWS Error X"),
    ],
)
def test_what_libraries_say_is_put_in_words(text: str, said: str) -> None:
    assert said in str(faults.fault_at("s3://b/a.csv", text))


def test_no_secret_of_a_library_is_passed_on() -> None:
    text = "odd: http://ana:pw@host/x?X-Amz-Credential=AKIAABCDEFGHIJKL&X-Amz-Signature=c0ffee with AKIAABCDEFGHIJKL"
    error = faults.fault_at("https://host/x", text)
    assert not [word for word in ("pw", "AKIA", "c0ffee") if word in str(error)]


def test_nothing_but_the_sentence_is_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    assert main(["check", f"s3://{BUCKET}/a.parquet"]) == 3
    out, err = capfd.readouterr()
    assert out == ""
    first, *rest = err.strip().splitlines()
    assert first == f"fairpay: s3://{BUCKET}/a.parquet: no connection to the server"
    assert len(rest) == 1
