"""What lies at an address: object stores through PyArrow's file systems, web servers through the standard library."""

from __future__ import annotations

import configparser
import os
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import unquote, urlsplit

from fairpay.errors import UsageError
from fairpay.logs.outages import fault_at, outages_at
from fairpay.logs.spool import spooled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyarrow.fs import FileSystem

__all__ = ["Bucket", "Entry", "Web", "iceberg_options", "is_web", "polars_options", "shown", "store_of"]

CONNECT = 5
"""Seconds to wait for a connection."""
SILENCE = 30
"""Seconds in which a server may send nothing."""
TRIES = 3
CHUNK = 1 << 20
PAUSE = 0.2
PARTIAL, NO_SUCH_PART = 206, 416
PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that may be others the next time."""
WEB = ("http://", "https://")
S3, GOOGLE, AZURE = ("s3",), ("gs", "gcs"), ("az", "abfs", "abfss")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something at an address."""

    address: str
    folder: bool = False
    size: int = 0
    """In bytes; 0 for a folder."""

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.address.rpartition("/")[2]


class Store(Protocol):
    """Where bytes come from."""

    def start(self, address: str, size: int) -> bytes | None:
        """Return the first bytes; None where only the whole can be read."""

    def copied(self, address: str) -> Path:
        """Copy the whole to this machine, once."""


def is_web(address: str) -> bool:
    """Whether a web server is asked: it does not say what it has."""
    return address.startswith(WEB)


def store_of(address: str) -> Store:
    """Return what reads an address."""
    return Web() if is_web(address) else Bucket.of(address)


def shown(address: str) -> str:
    """Return an address as it may be shown and kept: without the signature, name and password that it may carry."""
    if not is_web(address):
        return address
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


@dataclass(frozen=True, slots=True)
class Bucket:
    """Objects whose names look like paths."""

    scheme: str
    files: FileSystem

    @classmethod
    def of(cls, address: str) -> Bucket:
        """Connect to the store of an address.

        Raises:
            InputError: the settings for it are not usable.

        """
        scheme, _, rest = address.partition("://")
        bucket = rest.partition("/")[0]
        if not bucket:
            message = f"{address}: an address names a bucket first"
            raise UsageError(message, advice=f"For example {scheme}://BUCKET/log/2026-07/.")
        with outages_at(address):
            return cls(scheme, connected(scheme, bucket))

    def path(self, address: str) -> str:
        """Return bucket and key."""
        return address.partition("://")[2].rstrip("/")

    def look(self, address: str) -> Entry:
        """Say what lies there.

        Raises:
            InputError: nothing does.

        """
        with outages_at(address):
            info = self.files.get_file_info(self.path(address))
            if info.is_file:
                return Entry(address=address, size=info.size)
            if info.type.name == "Directory":
                return Entry(address=address, folder=True)
            bucket = self.path(address).partition("/")[0]
            missing = self.files.get_file_info(bucket).type.name == "NotFound"
        raise fault_at(address, "NoSuchBucket" if missing else "NoSuchKey")

    def within(self, address: str, *, deep: bool) -> list[Entry]:
        """List what lies below an address, in order of its parts; with `deep`, objects at any depth."""
        from pyarrow.fs import FileSelector  # noqa: PLC0415 - loaded for addresses only

        with outages_at(address):
            found = self.files.get_file_info(FileSelector(self.path(address), recursive=deep, allow_not_found=True))
        entries = [
            Entry(address=f"{self.scheme}://{info.path}", folder=not info.is_file, size=info.size or 0)
            for info in found
            if info.is_file or not deep
        ]
        return sorted(entries, key=lambda entry: [part.encode() for part in entry.address.split("/")])

    def start(self, address: str, size: int) -> bytes | None:
        """Return the first bytes of an object."""
        with outages_at(address), self.files.open_input_file(self.path(address)) as file:
            return cast("bytes", file.read(size))

    def copied(self, address: str) -> Path:
        """Copy an object to this machine, once for each time that it was written."""
        with outages_at(address):
            info = self.files.get_file_info(self.path(address))

        def write(out: IO[bytes]) -> None:
            with outages_at(address):
                stream = self.files.open_input_stream(self.path(address), compression=None)
            with stream:
                pour(stream, out, address, info.size)

        return spooled(("object", address, info.size, info.mtime_ns), Path(address).name, write)


@dataclass(frozen=True, slots=True)
class Web:
    """Files that a web server gives out."""

    def start(self, address: str, size: int) -> bytes | None:
        """Return the first bytes of a file; None where the server gives out whole files only."""
        if "@" in urlsplit(address).netloc:
            return None  # Polars does not log in
        with self.asked(address, {"Range": f"bytes=0-{size - 1}"}) as answer:
            if answer.status != PARTIAL:
                return None
            with outages_at(shown(address)):
                return cast("bytes", answer.read(size))

    def copied(self, address: str) -> Path:
        """Copy a file to this machine, once for each time that it was written."""
        with self.asked(address, {}) as answer:
            marks = tuple(answer.headers.get(name) for name in ("ETag", "Last-Modified", "Content-Length"))
            size = None if marks[-1] is None else int(marks[-1])
            if marks == (None, None, None):
                marks = (address, time.monotonic_ns())

            def write(out: IO[bytes]) -> None:
                pour(answer, out, shown(address), size)

            return spooled(("web", address, marks), Path(shown(address)).name, write)

    def asked(self, address: str, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - an answer, open
        """Ask for a file, again where the server is busy or the connection breaks.

        Raises:
            InputError: it does not come.

        """
        from http.client import HTTPException  # noqa: PLC0415 - for web addresses only
        from urllib.error import HTTPError  # noqa: PLC0415 - the same
        from urllib.request import urlopen  # noqa: PLC0415 - the same

        for attempt in range(1, TRIES + 1):
            try:
                return urlopen(asking(address, headers), timeout=SILENCE)  # noqa: S310 - http and https only
            except HTTPError as error:
                error.close()
                if error.code == NO_SUCH_PART and headers:
                    return self.asked(address, {})  # an empty file has no first byte
                if error.code not in PASSING or attempt == TRIES:
                    raise fault_at(shown(address), str(error)) from None
            except (OSError, HTTPException) as error:
                if attempt == TRIES:
                    raise fault_at(shown(address), str(error)) from None
            except ValueError as error:
                message = f"{shown(address)}: this is no address: {error}"
                raise UsageError(message) from None
            time.sleep(PAUSE * attempt)
        raise AssertionError


def asking(address: str, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - a request of urllib
    """Make a request; a name and password in the address go where a server looks for them."""
    from base64 import b64encode  # noqa: PLC0415 - for web addresses only
    from urllib.request import Request  # noqa: PLC0415 - the same

    parts = urlsplit(address)
    who, _, host = parts.netloc.rpartition("@")
    request = Request(parts._replace(netloc=host, fragment="").geturl(), headers=dict(headers))  # noqa: S310 - see is_web
    request.add_unredirected_header("User-Agent", "fairpay")
    if who:
        request.add_unredirected_header("Authorization", "Basic " + b64encode(unquote(who).encode()).decode())
    return request


def pour(stream: Any, out: IO[bytes], where: str, size: int | None) -> None:  # noqa: ANN401 - a file, or an answer
    """Copy a stream to its end.

    Raises:
        InputError: it ends before `size` bytes.

    """
    from http.client import HTTPException  # noqa: PLC0415 - for addresses only

    done = 0
    while True:
        try:
            with outages_at(where):
                block = stream.read(CHUNK)
        except HTTPException as error:
            raise fault_at(where, "incomplete") from error
        if not block:
            break
        out.write(block)
        done += len(block)
    if size is not None and done < size:
        raise fault_at(where, "incomplete")


def connected(scheme: str, bucket: str) -> FileSystem:
    """Connect to an object store.

    Raises:
        UsageError: fairpay knows no store of this kind, or the settings for it are not usable.

    """
    from pyarrow import fs  # noqa: PLC0415 - loaded for addresses only

    if scheme in S3:
        return amazon(Amazon.of_environment(), bucket)
    if scheme in GOOGLE:
        return fs.GcsFileSystem(retry_time_limit=timedelta(seconds=SILENCE))
    if scheme in AZURE:
        account = os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")
        if not account:
            message = f"{scheme}://: the account is not known"
            raise UsageError(message, advice="Set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY.")
        return fs.AzureFileSystem(account, account_key=os.environ.get("AZURE_STORAGE_ACCOUNT_KEY"))
    message = f"{scheme}://: addresses of this kind are not read"
    raise UsageError(message, advice="Give s3://, gs://, az:// or https://, or fetch the files first.")


@lru_cache(maxsize=8)
def amazon(settings: Amazon, bucket: str) -> FileSystem:
    """Connect to S3, or what speaks like it."""
    from pyarrow import fs  # noqa: PLC0415 - loaded for addresses only

    scheme, _, host = settings.endpoint.rpartition("://")
    region = settings.region
    if not region and not host:
        region = fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(
        access_key=settings.key,
        secret_key=settings.secret,
        session_token=settings.token,
        anonymous=settings.unsigned,
        region=region or "us-east-1",
        scheme=scheme or "https",
        endpoint_override=host.rstrip("/") or None,
        connect_timeout=CONNECT,
        request_timeout=SILENCE,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=TRIES),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Amazon:
    """How to get at S3: from the variables and files that AWS's own tools read, the same for both libraries."""

    key: str | None
    secret: str | None = field(repr=False)
    token: str | None = field(repr=False)
    region: str
    endpoint: str
    unsigned: bool

    @classmethod
    def of_environment(cls) -> Amazon:
        """Read the variables; where they hold no key, the profile.

        Raises:
            UsageError: the profile that AWS_PROFILE names is nowhere.

        """
        told = os.environ
        profile = profile_of(told)
        keys = told if told.get("AWS_ACCESS_KEY_ID") else {k.upper(): v for k, v in profile.items()}
        endpoint = told.get("AWS_ENDPOINT_URL_S3") or told.get("AWS_ENDPOINT_URL") or profile.get("endpoint_url", "")
        return cls(
            key=keys.get("AWS_ACCESS_KEY_ID"),
            secret=keys.get("AWS_SECRET_ACCESS_KEY"),
            token=keys.get("AWS_SESSION_TOKEN") or None,
            region=told.get("AWS_REGION") or told.get("AWS_DEFAULT_REGION") or profile.get("region", ""),
            endpoint=endpoint,
            unsigned=told.get("AWS_SKIP_SIGNATURE", "").lower() in {"1", "true", "yes"},
        )

    def for_polars(self) -> dict[str, str]:
        """Say the same in the words of Polars."""
        said = {
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.secret,
            "aws_session_token": self.token,
            "aws_region": self.region or ("us-east-1" if self.endpoint else ""),
            "aws_endpoint_url": self.endpoint,
            "aws_allow_http": "true" if self.endpoint.startswith("http://") else "",
            "aws_skip_signature": "true" if self.unsigned else "",
        }
        return {name: value for name, value in said.items() if value}


def profile_of(told: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the profile in use.

    Raises:
        UsageError: it was named, and is nowhere.

    """
    name = told.get("AWS_PROFILE", "")
    home = Path("~/.aws").expanduser()
    places = (
        (
            told.get("AWS_CONFIG_FILE") or home / "config",
            f"profile {name}" if name not in {"", "default"} else "default",
        ),
        (told.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials", name or "default"),
    )
    found: dict[str, str] = {}
    there = False
    for path, section in places:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            message = f"{path}: this is not a file of AWS profiles"
            raise UsageError(
                message, advice="Put it right, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            ) from error
        if parser.has_section(section):
            there = True
            found.update(parser.items(section))
    if name and not there:
        message = f"AWS_PROFILE: there is no profile {name}"
        raise UsageError(message, advice="The profiles stand in ~/.aws/config and ~/.aws/credentials.")
    return found


def polars_options(address: str) -> dict[str, Any]:
    """Say how Polars gets at an address: the same way, with the same patience."""
    storage = {
        "max_retries": TRIES - 1,
        "retry_timeout_ms": SILENCE * 1000,
        "connect_timeout": f"{CONNECT}s",
        "read_timeout": f"{SILENCE}s",
    }
    if address.partition("://")[0] not in S3:
        return {"storage_options": storage}
    settings = Amazon.of_environment()
    storage.update(settings.for_polars())
    alone = {"credential_provider": None} if settings.key or settings.unsigned else {}
    return {"storage_options": storage, **alone}


def iceberg_options(address: str) -> dict[str, str]:
    """Say the same in the words of PyIceberg, whose files Polars then reads."""
    if address.partition("://")[0] not in S3:
        return {}
    settings = Amazon.of_environment()
    said = {
        "s3.access-key-id": settings.key,
        "s3.secret-access-key": settings.secret,
        "s3.session-token": settings.token,
        "s3.region": settings.region or "us-east-1",
        "s3.endpoint": settings.endpoint,
        "s3.connect-timeout": str(CONNECT),
        "s3.request-timeout": str(SILENCE),
    }
    return {name: value for name, value in said.items() if value}
