"""What can go wrong in reading a file, here or at an address, and in a table's lines, said in one sentence each."""

from __future__ import annotations

import lzma
import re
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import InputError, Problem
from fairpay.money.counts import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DAMAGED", "Faults", "fault_at", "outages_at", "reading_of", "short"]

ENCODING = "The file is damaged, or in another encoding: for text files say which, such as --encoding latin-1."
QUOTING = 'If " is part of names rather than quoting, use --no-quote.'
DAMAGED = "The file is damaged or cut short, or not of this format; fetch it again."
LONGEST = 200
FAULTS: tuple[type[BaseException], ...] = (
    OSError,
    EOFError,
    MemoryError,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    OverflowError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)
"""What a damaged file makes of the libraries; Polars' panics are no Exception of Python's."""
NETWORK_FAULTS: tuple[type[BaseException], ...] = (OSError,)
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


OUTAGES = {
    "no credentials were found": (
        "Set {credentials}; for a public bucket AWS_SKIP_SIGNATURE=true.",
        rf"{re.escape(NO_ROLE)}|nocredentials|no credentials|metadata\.google\.internal",
    ),
    "there is no such bucket": (
        "Check its name, the region (AWS_REGION) and the server (AWS_ENDPOINT_URL).",
        "nosuchbucket|no_such_bucket|containernotfound",
    ),
    "the credentials have expired": (
        "Get new ones: {credentials}.",
        "expiredtoken|expired_token|token has expired|requestexpired",
    ),
    "the server answered that this bucket is elsewhere": (
        "Set AWS_REGION to the bucket's region, or AWS_ENDPOINT_URL to its server.",
        "status=(301|307)|permanentredirect|permanent_redirect|authorizationheadermalformed",
    ),
    "the server refused access": (
        "Check what the credentials may read, and that they are the right ones: {credentials}.",
        "status=40[137]|access_?denied|invalid_?access_?key|client_token|signature_?does_?not|forbidden|unauthorized",
    ),
    "nothing is there": (
        "Check the address; a folder ends with / and a pattern with *.",
        "status=(404|410)|nosuchkey|no_such_key|no such file|not found|path does not exist",
    ),
    "the server is too busy to answer": ("Run again later.", "status=(429|503)|slow_?down|too many requests"),
    "the server's certificate is not trusted": (
        "Check the address; a certificate of your own is named in SSL_CERT_FILE.",
        r"certificate|ssl peer|\[ssl|tls handshake",
    ),
    "the server did not answer in time": (
        "Check the network and the address, and run again.",
        "status=(408|504)|timed out|timeout was reached|operation too slow|deadline",
    ),
    "the connection broke before the end": (
        "Run again; if it breaks again, fetch the file first.",
        (
            "partial file|before message length|response body error|incomplete|closed connection|"
            "connection reset|connection closed|broken pipe|empty reply"
        ),
    ),
    "no server of this name is known": (
        "Check the network and the address{endpoint}.",
        "resolve host|name or service|dns error|name resolution|failed to lookup|nodename",
    ),
    "no connection to the server": (
        "Check the network, the address and its port{endpoint}.",
        "connection refused|connect to server|could not connect|unreachable|no route",
    ),
    "the server failed": ("Run again later.", "status=(500|502)"),
}
"""Message -> advice, and a pattern of what libraries and servers say, in lower case, with the status of HTTP."""


@contextmanager
def reading_of(path: str, *, encoding: str = "UTF-8") -> Iterator[None]:
    """Turn the faults of the libraries that read files, and of the network under them, into InputError.

    Raises:
        InputError: for anything that is wrong with the file, or with the way to it.

    """
    try:
        yield
    except (*FAULTS, *faults_in_use()) as error:
        if any(word in str(error) for word in NETWORK):
            raise fault_at(path, str(error)) from None
        raise fault_in(path, error, encoding) from error


def fault_in(path: str, error: BaseException, encoding: str) -> InputError:
    text, advice = str(error), DAMAGED
    match error:
        case PermissionError():
            return InputError(f"{path}: cannot be read: permission denied")
        case UnicodeDecodeError():
            message, advice = f"not {encoding} text (byte {error.start} of the part being read)", ENCODING
        case MemoryError():
            message = "the file asks for more memory than there is"
        case pl.exceptions.DuplicateError():
            message = f"more than one column is named the same: {short(text)}"
            advice = "Rename the columns, so that each name stands for one."
        case _:
            message = f"cannot be read: {short(text)}"
            if "utf-8" in text.lower() or "utf8" in text.lower():
                advice = ENCODING
            elif "CSV malformed" in text or "as dtype `str`" in text:
                advice = QUOTING
    return InputError(f"{path}: {message}", advice=advice)


@contextmanager
def outages_at(address: str) -> Iterator[None]:
    """Turn faults of the network into InputError.

    Raises:
        InputError: the server does not give what lies there.

    """
    try:
        yield
    except (*NETWORK_FAULTS, *faults_in_use()) as error:
        raise fault_at(address, str(error)) from None


def fault_at(address: str, text: str) -> InputError:
    """Say what is wrong in one sentence.

    Args:
        address: as it may be shown.
        text: what a library, or a server, says.

    """
    scheme = address.partition("://")[0]
    credentials = CREDENTIALS.get("az" if scheme.startswith(("az", "abfs")) else scheme)
    endpoint = ", and AWS_ENDPOINT_URL if it is set" if scheme == "s3" else ""
    statuses = [f"status={status}" for status in STATUS.findall(text)[:1]]
    said = " ".join([NAMES.sub("", text), *CODE.findall(text), NO_ROLE if NO_ROLE in text else "", *statuses]).lower()
    for message, (advice, signs) in OUTAGES.items():
        if re.search(signs, said):
            if credentials is None and "{credentials}" in advice:
                advice = "If the address is signed, the signature may have run out: get a new one."  # noqa: PLW2901 - said instead
            return InputError(f"{address}: {message}", advice=advice.format(credentials=credentials, endpoint=endpoint))
    message = f"{address}: cannot be read: {short(SECRETS.sub('', text))}"
    return InputError(message, advice="Check the address and the network; or fetch the file first.")


def faults_in_use() -> tuple[type[BaseException], ...]:
    """Return what PyArrow and the web's client raise, as far as they are in use."""
    names = {"pyarrow": "ArrowException", "http.client": "HTTPException"}
    return tuple(getattr(sys.modules[module], name) for module, name in names.items() if module in sys.modules)


def short(text: str) -> str:
    """Keep the first sentence of a library's message, without values of the file that may be ids."""
    line = text.strip().split("\n", maxsplit=1)[0]
    if "as dtype `str`" in text:
        place = next((part for part in text.split("\n") if "current offset" in part), "")
        line = f"a quoted field does not end where it should. {place.strip()}"
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


@dataclass(slots=True)
class Faults:
    """What is wrong with the lines of a table, by reason, until all of it has been looked at."""

    what: str
    """The table, for the message: `splits.csv`."""
    found: dict[str, Problem] = field(default_factory=dict)
    """reason -> how often it was met, and where first."""

    def add(self, reason: str, where: int | str, count: int = 1, *, example: str = "") -> None:
        """Count faults of one reason; the first place and example are kept.

        Args:
            reason: what is wrong.
            where: the line, from 1 without the header; or another place, in words.
            count: how many there are.
            example: what stands there, to be added to the reason.

        """
        at = f"first at row {where}" if isinstance(where, int) else where
        first = self.found.get(reason, Problem(0, reason + example, at))
        self.found[reason] = Problem(first.count + count, first.reason, first.where)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(problem.count for problem in self.found.values())

    def stop(self, advice: str, words: str = "") -> None:
        """End here if anything was found.

        Args:
            advice: what to do.
            words: the message, with the number of faults for `{}`; else that number alone.

        Raises:
            InputError: with every reason, its count and its first place.

        """
        if self.found:
            message = f"{self.what}: {words.format(self.count) or counted(self.count, 'fault')}"
            raise InputError(message, problems=list(self.found.values()), advice=advice)
