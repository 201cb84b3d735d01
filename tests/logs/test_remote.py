"""Logs in object stores and on web servers, read from servers on the loopback."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reads import judged, listens, rows
from stores import BUCKET, web_server

from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.logs.read import open_logs
from fairpay.logs.schema import Fate
from fairpay.settings.values import Qualifying, Reading

if TYPE_CHECKING:
    from stores import Objects

DAY = 86_400 * 10**6


def parquet(rows_per_group: int | None = None, **columns: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(
        pa.table({"user": ["u1", "u2"], "artist": ["a", "b"], **columns}), out, row_group_size=rows_per_group
    )
    return out.getvalue()


CSV = b'# made by hand\nuser;artist;plays\nu1;"a;b";1\n\nu2;\\N;2\nu3;c;3;4\n'
NDJSON = b'{"user":"u1","track":{"artist":"x"},"plays":2}\n{"user":"u2","track":{"artist":"y"},"plays":3}\n'
ARRAY = b'[{"user":"u1","track":{"artist":"x"},"plays":2},{"user":12345678901234567890,"track":{"artist":"y"}}]'
FORMATS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "a.csv": (CSV, {}),
    "b.tsv": (b'user\tartist\nu1\tsaid "so"\n', {}),
    "c.csv.gz": (gzip.compress(CSV), {}),
    "d.csv.zst": (pa.Codec("zstd").compress(CSV).to_pybytes(), {}),
    "e.ndjson": (NDJSON, {"columns": {"artist": "track.artist"}}),
    "f.json": (ARRAY, {"columns": {"artist": "track.artist"}}),
    "g.jsonl.gz": (gzip.compress(NDJSON), {"columns": {"artist": "track.artist"}}),
    "h.parquet": (parquet(plays=[1, 2]), {}),
    "i.parquet.gz": (gzip.compress(parquet(plays=[1, 2])), {}),
    "j.csv": (b"u1,a\nu2,b\n", {"header": False, "columns": {"user": "1", "artist": "2"}}),
    "k.csv": ("user,artist\nu1,Björk\n".encode("latin-1"), {"encoding": "latin-1"}),
    "part-0": (parquet(plays=[1, 2]), {}),
    "part-1": (CSV, {"format": "csv"}),
    "q?a#b%20 c.csv": (CSV, {}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_an_object_is_read_as_the_same_file_here(bucket: Objects, tmp_path: Path, name: str) -> None:
    body, reading = FORMATS[name]
    (tmp_path / name).write_bytes(body)
    assert rows(bucket.put(f"formats/{name}", body), **reading) == rows(tmp_path / name, **reading)


@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("name", ["a.csv", "c.csv.gz", "f.json", "h.parquet", "i.parquet.gz"])
def test_a_web_server_gives_the_same(tmp_path: Path, name: str, parts: bool) -> None:  # noqa: FBT001 - a parameter
    body, reading = FORMATS[name]
    (tmp_path / name).write_bytes(body)
    with web_server({f"/d/{name}": body}, parts=parts) as server:
        assert rows(f"{server.url}/d/{name}", **reading) == rows(tmp_path / name, **reading)


def test_an_empty_object_is_an_empty_file(bucket: Objects) -> None:
    bucket.put("empty/a.csv", b"")
    bucket.put("empty/b.csv", b"user,artist\nu1,a\n")
    assert listens(f"s3://{BUCKET}/empty/") == [("u1", "a", 1)]
    with web_server({"/a.csv": b""}) as server, pytest.raises(InputError, match="the file is empty"):
        rows(f"{server.url}/a.csv")


TREE = {
    "country=SE/day=1/a.parquet": parquet(),
    "country=NO%20/day=1/b.parquet": parquet(),
    "country=__HIVE_DEFAULT_PARTITION__/day=2/c.parquet": parquet(),
    "country=SE/day=1/_SUCCESS": b"",
    "country=SE/day=1/.a.parquet.crc": b"crc",
    "_tmp/d.parquet": b"no",
    "notes.md": b"no log",
    "manifest.json": b"{}",
}


@pytest.fixture
def tree(bucket: Objects, tmp_path: Path) -> Path:
    for key, body in TREE.items():
        bucket.put(f"tree/{key}", body)
        (tmp_path / "tree" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / key).write_bytes(body)
    return tmp_path / "tree"


@pytest.mark.parametrize(
    "pattern",
    ["", "/", "/*/*/*.parquet", "/**/*.parquet", "/country=[SN]*", "/country=SE/day=?/", "/*/day=1/?.parquet"],
)
def test_a_prefix_or_pattern_means_what_it_means_for_folders(tree: Path, pattern: str) -> None:
    wanted, address = ("country", "day"), f"s3://{BUCKET}/tree"
    there = rows(f"{address}{pattern}", wanted=wanted)
    assert sorted(map(str, there)) == sorted(map(str, rows(f"{tree}{pattern}", wanted=wanted)))
    assert there
    passed = open_logs(f"{address}{pattern}", Reading(), wanted=()).passed
    assert passed == ([] if pattern.strip("/") else [f"{address}/notes.md"])


def test_names_without_extension_are_read_where_the_format_is_told(bucket: Objects) -> None:
    for name in ("part-0", "part-1", "_SUCCESS"):
        bucket.put(f"plain/{name}", b"user,artist\nu1,a\n")
    assert listens(f"s3://{BUCKET}/plain", format="csv") == [("u1", "a", 1)] * 2


def test_an_object_named_twice_is_read_once(bucket: Objects) -> None:
    address = bucket.put("twice/a.csv", b"user,artist\nu1,a\n")
    several = [address, address.replace("s3:", "s3a:"), f"s3://{BUCKET}/twice/", f"s3://{BUCKET}/twice/*.csv"]
    assert listens(several) == [("u1", "a", 1)]


def test_an_archive_is_read_as_it_is(bucket: Objects, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "ana.zip", "w") as archive:
        archive.writestr("listens.csv", "user,artist\nu1,a\n")
        archive.writestr("read me.md", "no log")
    address = bucket.put("people/ana.zip", (tmp_path / "ana.zip").read_bytes())
    opened = open_logs(address, Reading(), wanted=())
    assert (opened.paths, opened.passed) == ([f"{address}/listens.csv"], [f"{address}/read me.md"])
    assert listens(address) == [("u1", "a", 1)]


def test_folders_of_a_named_address_are_a_person_and_columns(bucket: Objects) -> None:
    address = bucket.put("country=SE/people/ana/history/listens.csv", b"artist,plays\na,1\n")
    (row,) = rows(address, wanted=("country",), user_from_folder=True)
    assert (row["user"], row["country"]) == ("ana", "SE")


def test_an_object_written_again_is_read_again(bucket: Objects) -> None:
    address = bucket.put("again/a.csv", b"user,artist\nu1,a\n")
    assert listens(address) == [("u1", "a", 1)]
    bucket.put("again/a.csv", b"user,artist\nu2,bb\n")
    assert listens(address) == [("u2", "bb", 1)]


def test_a_bad_row_is_named_with_address_and_number(bucket: Objects) -> None:
    one = bucket.put("bad/a.csv", b"user,artist,plays\nu1,a,1\nu2,b,2\n")
    two = bucket.put("bad/b.csv", b"user,artist,plays\nu1,a,1\n\nu2,b,many\n")
    found = [(row["file"], row["row"]) for row in rows([one, two]) if row["plays"] == "many"]
    assert found == [("b.csv", 2 + 1)] == [(row["file"], row["row"]) for row in rows(two) if row["plays"] == "many"]
    assert [raw.file for unit in open_logs(two, Reading(), wanted=()).units() for raw in unit()] == [two]


def test_only_columns_and_row_groups_needed_are_fetched() -> None:
    days = [datetime(2026, 7, day, tzinfo=UTC) for day in range(1, 21)]
    noise = [os.urandom(40_000).hex() for _ in days]
    out = io.BytesIO()
    table = pa.table({"user": ["u"] * 20, "artist": ["a"] * 20, "time": days, "other": noise, "track": noise})
    pq.write_table(table, out, row_group_size=1, compression="none", use_dictionary=False)
    since = int(days[10].timestamp()) * 10**6
    with web_server({"/x.parquet": out.getvalue()}) as server:
        found, counts = judged(f"{server.url}/x.parquet", Qualifying(since=since, until=since + DAY), wanted=("time",))
        asked = [span for _, span in server.asked]
    assert found == [("u", "a", 1)]
    assert (counts.rows, counts.dropped) == (20, {Fate.OUTSIDE_PERIOD: 19})
    assert all(asked)
    assert sum(length(span or "", out.tell()) for span in asked) < out.tell() / 2


def length(span: str, size: int) -> int:
    first, _, last = span.removeprefix("bytes=").partition("-")
    return int(last) + 1 - int(first) if first and last else min(int(last or size), size)


def test_a_profile_gives_keys_region_and_server(
    bucket: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = bucket.put("profile/a.parquet", parquet())
    for name in bucket.variables:
        monkeypatch.delenv(name)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[label]\naws_access_key_id = k\naws_secret_access_key = s\n")
    (tmp_path / ".aws/config").write_text(f"[profile label]\nregion = eu-north-1\nendpoint_url = {bucket.endpoint}\n")
    monkeypatch.setenv("AWS_PROFILE", "label")
    assert listens(address) == [("u1", "a", 1), ("u2", "b", 1)]
    monkeypatch.setenv("AWS_PROFILE", "other")
    with pytest.raises(UsageError, match="AWS_PROFILE: there is no profile other"):
        listens(address)


def test_a_password_in_a_web_address_is_used_and_never_shown() -> None:
    password = "Basic " + b64encode(b"ana:s3cret word").decode()
    with web_server({"/a.parquet": parquet(), "/b.csv": b"x\n1\n"}, password=password) as server:
        address = server.url.replace("//", "//ana:s3cret%20word@")
        assert listens(f"{address}/a.parquet") == [("u1", "a", 1), ("u2", "b", 1)]
        with pytest.raises(InputError) as caught:
            listens(f"{address}/b.csv")
    assert "s3cret" not in str(caught.value) + caught.value.advice


def test_a_web_server_is_not_asked_what_it_has() -> None:
    with pytest.raises(UsageError, match="a web server does not list its files"):
        rows("https://example.invalid/log/*.csv")


def test_addresses_that_differ_only_in_their_query_are_refused() -> None:
    with web_server({"/a.csv?part=1": b"user,artist\nu1,a\n", "/a.csv?part=2": b"user,artist\nu2,b\n"}) as server:
        assert listens(f"{server.url}/a.csv?part=2") == [("u2", "b", 1)]
        with pytest.raises(UsageError, match="differ only in what follows the question mark"):
            listens([f"{server.url}/a.csv?part=1", f"{server.url}/a.csv?part=2"])


def test_a_run_keeps_no_secret_and_says_nothing_on_standard_error(
    bucket: Objects, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pay = ["pay", "--rule", "user-centric", "--pool", "10", "--quiet"]
    log = bucket.put("run/a.parquet", parquet())
    program = [str(Path(sys.executable).with_name("fairpay")), *pay, log, "-o", str(tmp_path / "s3")]
    paid = subprocess.run(program, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert (paid.returncode, paid.stderr) == (0, "")
    with web_server({"/a.parquet?X-Amz-Signature=c0ffee": parquet()}) as server:
        signed = server.url.replace("//", "//ana:s3cret@") + "/a.parquet?X-Amz-Signature=c0ffee"
        assert main([*pay, signed, "-o", str(tmp_path / "web")]) == 0
    assert capfd.readouterr().err == ""
    written = [path.read_bytes() for path in tmp_path.glob("*/*") if path.is_file()]
    assert len(written) == 8
    keys = (bucket.variables["AWS_ACCESS_KEY_ID"], bucket.variables["AWS_SECRET_ACCESS_KEY"])
    for secret in (*keys, "c0ffee", "s3cret"):
        assert not any(secret.encode() in body for body in written)
    manifest = json.loads((tmp_path / "web/manifest.json").read_text())
    assert [one["name"] for one in manifest["inputs"]] == [f"{server.url}/a.parquet"]


def test_a_table_beside_the_log_is_refused_at_an_address(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("user,artist\nu1,a\n")
    address = "https://example.invalid/s.csv?X-Amz-Signature=c0ffee"
    assert main(["compare", str(tmp_path / "log.csv"), "--subscribers", address]) == 3
    said = capfd.readouterr().err
    assert "https://example.invalid/s.csv: only logs are read from addresses" in said
    assert "c0ffee" not in said
