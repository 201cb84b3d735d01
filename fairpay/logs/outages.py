"""What can go wrong between this machine and an address, said in one sentence with what to do, and no secret in it."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import InputError
from fairpay.logs.faults import faults_of_arrow, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairpay.logs.source import Frames

__all__ = ["fault_at", "guarded", "outages_at"]

FAULTS: tuple[type[Exception], ...] = (OSError, pl.exceptions.PolarsError)
NETWORK = ("object-store error", "AWS Error", "urlopen error")
STATUS = re.compile(r"(?:HTTP status|HTTP Error|status code:?) (\d{3})", re.IGNORECASE)
SECRETS = re.compile(r"(?<=[^\s?])\?[^\s)\"']+|(?<=://)[^\s/@]+@|\b(?:AKIA|ASIA)[A-Z0-9]{8,}\b")
"""A query (which may be a signature), a name and password, an access key."""
NAMES = re.compile(r"\w+://\S+|'[^']*'|at location \S+|<\?xml.*", re.DOTALL)
"""What is called as someone pleased: no word in it says what is wrong."""
CODE = re.compile(r"<Code>(\w+)</Code>")
NO_ROLE = "169.254.169.254"
"""Where a machine in a cloud is asked for its role, the last place where credentials are looked for."""
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or AWS_PROFILE",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One kind of fault."""

    message: str
    advice: str
    codes: tuple[int, ...] = ()
    """Statuses of HTTP."""
    words: tuple[str, ...] = ()
    """What libraries and servers say, in lower case."""


OUTAGES = (
    Outage(
        message="no credentials were found",
        advice="Set {credentials}; for a public bucket AWS_SKIP_SIGNATURE=true.",
        words=(NO_ROLE, "nocredentials", "no credentials", "metadata.google.internal"),
    ),
    Outage(
        message="there is no such bucket",
        advice="Check its name, the region (AWS_REGION) and the server (AWS_ENDPOINT_URL).",
        words=("nosuchbucket", "no_such_bucket", "containernotfound"),
    ),
    Outage(
        message="the credentials have expired",
        advice="Get new ones: {credentials}.",
        words=("expiredtoken", "expired_token", "token has expired", "requestexpired"),
    ),
    Outage(
        message="the server answered that this bucket is elsewhere",
        advice="Set AWS_REGION to the bucket's region, or AWS_ENDPOINT_URL to its server.",
        codes=(301, 307),
        words=("permanentredirect", "permanent_redirect", "authorizationheadermalformed"),
    ),
    Outage(
        message="the server refused access",
        advice="Check what the credentials may read, and that they are the right ones: {credentials}.",
        codes=(401, 403, 407),
        words=("access_denied", "accessdenied", "invalidaccesskeyid", "invalid_access_key", "invalid_client_token",
               "signaturedoesnotmatch", "signature_does_not_match", "forbidden", "unauthorized"),
    ),
    Outage(
        message="nothing is there",
        advice="Check the address; a folder ends with / and a pattern with *.",
        codes=(404, 410),
        words=("nosuchkey", "no_such_key", "no such file", "not found", "path does not exist"),
    ),
    Outage(
        message="the server is too busy to answer",
        advice="Run again later.",
        codes=(429, 503),
        words=("slowdown", "slow_down", "too many requests"),
    ),
    Outage(
        message="the server's certificate is not trusted",
        advice="Check the address; a certificate of your own is named in SSL_CERT_FILE.",
        words=("certificate", "ssl peer", "[ssl", "tls handshake"),
    ),
    Outage(
        message="the server did not answer in time",
        advice="Check the network and the address, and run again.",
        codes=(408, 504),
        words=("timed out", "timeout was reached", "operation too slow", "deadline"),
    ),
    Outage(
        message="the connection broke before the end",
        advice="Run again; if it breaks again, fetch the file first.",
        words=("partial file", "before message length", "response body error", "incomplete", "connection reset",
               "broken pipe", "closed connection", "connection closed", "empty reply"),
    ),
    Outage(
        message="no server of this name is known",
        advice="Check the network and the address{endpoint}.",
        words=("resolve host", "name or service", "dns error", "name resolution", "failed to lookup", "nodename"),
    ),
    Outage(
        message="no connection to the server",
        advice="Check the network, the address and its port{endpoint}.",
        words=("connection refused", "connect to server", "could not connect", "unreachable", "no route"),
    ),
    Outage(message="the server failed", advice="Run again later.", codes=(500, 502)),
)  # fmt: skip


def fault_at(address: str, text: str) -> InputError:
    """Say what is wrong in one sentence.

    Args:
        address: as it may be shown.
        text: what a library, or a server, says.

    """
    scheme = address.partition("://")[0]
    credentials = CREDENTIALS.get("az" if scheme.startswith(("az", "abfs")) else scheme)
    endpoint = ", and AWS_ENDPOINT_URL if it is set" if scheme == "s3" else ""
    status = STATUS.search(text)
    said = " ".join([NAMES.sub("", text), *CODE.findall(text), NO_ROLE if NO_ROLE in text else ""]).lower()
    for outage in OUTAGES:
        if (status and int(status[1]) in outage.codes) or any(word in said for word in outage.words):
            advice = outage.advice
            if credentials is None and "{credentials}" in advice:
                advice = "If the address is signed, the signature may have run out: get a new one."
            return InputError(
                f"{address}: {outage.message}", advice=advice.format(credentials=credentials, endpoint=endpoint)
            )
    message = f"{address}: cannot be read: {short(SECRETS.sub('', text))}"
    return InputError(message, advice="Check the address and the network; or fetch the file first.")


@contextmanager
def outages_at(address: str, *, scanning: bool = False) -> Iterator[None]:
    """Turn faults of the network into InputError.

    Args:
        address: as it may be shown.
        scanning: whether a file is being read as well: what is wrong with the file itself goes on to the caller.

    Raises:
        InputError: the server does not give what lies there.

    """
    try:
        yield
    except (*FAULTS, *faults_of_arrow()) as error:
        if scanning and not any(word in str(error) for word in NETWORK):
            raise
        raise fault_at(address, str(error)) from None


def guarded(frames: Frames, where: str) -> Frames:
    """Say what goes wrong on the way while rows are read."""

    def guard(names: Sequence[str], rows: int | None, keep: pl.Expr | None) -> Iterator[pl.DataFrame]:
        with outages_at(where, scanning=True):
            yield from frames(names, rows, keep)

    return guard
