"""What lies at an address: object stores through PyArrow's file systems, web servers through the standard library."""

from __future__ import annotations

import configparser
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from fairpay.errors import InputError, UsageError
from fairpay.logs.faults import fault_at, outages_at
from fairpay.logs.files import WEB, FileEntry, Place, is_hidden, spooled, table_among

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyarrow.fs import FileSystem

__all__ = ["iceberg_options", "names_within", "polars_options", "settled", "shown", "store_of"]

CONNECT = 5
"""Seconds to wait for a connection."""
SILENCE = 30
"""Seconds in which a server may send nothing."""
TRIES = 3
CHUNK = 1 << 20
PAUSE = 0.2
PARTIAL, NO_SUCH_PART = 206, 416
PASSING = frozenset({None, 408, 429, 500, 502, 503, 504})
"""Statuses that may be others the next time, and none: the connection broke."""
S3, GOOGLE, AZURE = ("s3",), ("gs", "gcs"), ("az", "abfs", "abfss")


def store_of(address: str) -> Place:
    """Return what reads an address."""
    return Web() if address.startswith(WEB) else Bucket.of(address)


def names_within(folder: str, *, remote: bool) -> list[str]:
    """Return the addresses of what lies in a folder, here or far away."""
    if remote:
        return [entry.address for entry in Bucket.of(folder).within(folder, deep=False)]
    return [str(path) for path in Path(folder).iterdir()]


def settled(address: str) -> str:
    """Return the one form of an address that has several: s3a:// is what Hadoop calls s3://."""
    if address.startswith(WEB):
        return address
    scheme, mark, rest = address.partition("://")
    return ("s3" if scheme == "s3a" else scheme) + mark + rest.rstrip("/")


def shown(address: str) -> str:
    """Return an address as it may be shown and kept: without the signature, name and password that it may carry."""
    if not address.startswith(WEB):
        return address
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


@dataclass(frozen=True, slots=True)
class Bucket(Place):
    """Objects whose names look like paths."""

    scheme: str
    files: FileSystem

    @classmethod
    def of(cls, address: str) -> Bucket:
        scheme, _, rest = settled(address).partition("://")
        bucket = rest.partition("/")[0]
        if not bucket:
            message = f"{address}: an address names a bucket first"
            raise UsageError(message, advice=f"For example {scheme}://BUCKET/log/2026-07/.")
        with outages_at(address):
            return cls(scheme, connected(scheme, bucket))

    def path(self, address: str) -> str:
        return address.partition("://")[2].rstrip("/")

    def has(self, address: str) -> bool:
        with suppress(InputError):
            return bool(self.look(address))
        return False

    def look(self, address: str) -> FileEntry:
        with outages_at(address):
            info = self.files.get_file_info(self.path(address))
            if info.is_file:
                return FileEntry(address=address, size=info.size)
            if info.type.name == "Directory":
                return FileEntry(address=address, folder=True)
            bucket = self.path(address).partition("/")[0]
            missing = self.files.get_file_info(bucket).type.name == "NotFound"
        raise fault_at(address, "NoSuchBucket" if missing else "NoSuchKey")

    def within(self, address: str, *, deep: bool) -> list[FileEntry]:
        """List what lies below an address, in order of its parts; with `deep`, objects at any depth."""
        from pyarrow.fs import FileSelector  # noqa: PLC0415 - loaded for addresses only

        with outages_at(address):
            found = self.files.get_file_info(FileSelector(self.path(address), recursive=deep, allow_not_found=True))
        entries = [
            FileEntry(address=f"{self.scheme}://{info.path}", folder=not info.is_file, size=info.size or 0)
            for info in found
            if info.is_file or not deep
        ]
        return sorted(entries, key=lambda entry: [part.encode() for part in entry.address.split("/")])

    def matches(self, pattern: str) -> Iterator[FileEntry]:
        """Go folder by folder, so that only what the pattern names is listed."""
        first, *parts = self.path(pattern).split("/")
        if has_magic(first):
            message = f"{pattern}: a bucket is named, not sought by a pattern"
            raise UsageError(message, advice=f"For example {self.scheme}://BUCKET/log/*/*.parquet.")
        yield from self.matching(self.look(f"{self.scheme}://{first}"), parts)

    def matching(self, at: FileEntry, parts: Sequence[str]) -> Iterator[FileEntry]:
        if not parts:
            yield at
            return
        part, rest = parts[0], parts[1:]
        if part == "**":
            yield from self.matching(at, rest or ["*"])
            part, rest = "*", parts
        for entry in self.within(at.address, deep=False):
            if is_hidden(entry.name) and not part.startswith(entry.name[0]):
                continue
            if fnmatchcase(entry.name, part) and (entry.folder or not rest):
                yield from self.matching(entry, rest)

    def below(self, folder: str) -> Iterator[FileEntry]:
        entries = self.within(folder, deep=True)
        inside: dict[str, list[str]] = {}
        for entry in entries:
            outer, inner, name = entry.address.rsplit("/", 2)
            if inner in {"_delta_log", "metadata"} and len(outer) >= len(folder):
                inside.setdefault(outer, []).append(f"{inner}/{name}")
        tables = {outer: kind for outer, names in inside.items() if (kind := table_among(names)) is not None}
        told: set[str] = set()
        for entry in entries:
            table = next((table for table in tables if entry.address.startswith(f"{table}/")), None)
            if table is not None:
                if table not in told:
                    yield FileEntry(address=table, folder=True, table=tables[table])
                told.add(table)
            elif not any(is_hidden(part) for part in entry.address.removeprefix(f"{folder}/").split("/")):
                yield entry

    def start(self, address: str, size: int) -> bytes | None:
        with outages_at(address), self.files.open_input_file(self.path(address)) as file:
            return cast("bytes", file.read(size))

    def copied(self, address: str) -> str:
        with outages_at(address):
            info = self.files.get_file_info(self.path(address))

        def blocks() -> Iterator[bytes]:
            with outages_at(address):
                stream = self.files.open_input_stream(self.path(address), compression=None)
            with stream:
                yield from blocks_of(stream, address, info.size)

        return spooled(("object", address, info.size, info.mtime_ns), Path(address).name, blocks)

    def rooted(self, address: str) -> str:
        return f"/{self.path(address)}"


@dataclass(frozen=True, slots=True)
class Web(Place):
    """Files that a web server gives out; it does not say what it has."""

    def has(self, address: str) -> bool:
        """Take every address for one of a file."""
        if "*" in address.partition("?")[0]:
            message = f"{shown(address)}: a web server does not list its files, so that a pattern finds nothing"
            raise UsageError(message, advice="Name each file.")
        return True

    def start(self, address: str, size: int) -> bytes | None:
        if "@" in urlsplit(address).netloc:
            return None  # Polars does not log in
        with self.asked(address, {"Range": f"bytes=0-{size - 1}"}) as answer:
            if answer.status != PARTIAL:
                return None
            with outages_at(shown(address)):
                return cast("bytes", answer.read(size))

    def copied(self, address: str) -> str:
        with self.asked(address, {}) as answer:
            marks = tuple(answer.headers.get(name) for name in ("ETag", "Last-Modified", "Content-Length"))
            size = None if marks[-1] is None else int(marks[-1])
            if marks == (None, None, None):
                marks = (address, time.monotonic_ns())
            where = shown(address)
            return spooled(("web", address, marks), Path(where).name, lambda: blocks_of(answer, where, size))

    def asked(self, address: str, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - an answer, open
        """Ask for a file, again where the server is busy or the connection breaks."""
        from http.client import HTTPException  # noqa: PLC0415 - for web addresses only
        from urllib.error import HTTPError  # noqa: PLC0415 - the same
        from urllib.request import urlopen  # noqa: PLC0415 - the same

        for attempt in range(1, TRIES + 1):
            try:
                return urlopen(asking(address, headers), timeout=SILENCE)  # noqa: S310 - http and https only
            except (OSError, HTTPException) as error:
                code = error.code if isinstance(error, HTTPError) else None
                if isinstance(error, HTTPError):
                    error.close()
                if code == NO_SUCH_PART and headers:
                    return self.asked(address, {})  # an empty file has no first byte
                if attempt == TRIES or code not in PASSING:
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
    request = Request(parts._replace(netloc=host, fragment="").geturl(), headers=dict(headers))  # noqa: S310 - see WEB
    request.add_unredirected_header("User-Agent", "fairpay")
    if who:
        request.add_unredirected_header("Authorization", "Basic " + b64encode(unquote(who).encode()).decode())
    return request


def blocks_of(stream: Any, where: str, size: int | None) -> Iterator[bytes]:  # noqa: ANN401 - a file, or an answer
    """Yield a stream to its end, which may not come before `size` bytes."""
    seen, block = 0, b" "
    while block:
        with outages_at(where):
            block = stream.read(CHUNK)
        seen += len(block)
        yield block
    if size is not None and seen < size:
        raise fault_at(where, "incomplete")


def connected(scheme: str, bucket: str) -> FileSystem:
    from pyarrow import fs  # noqa: PLC0415 - loaded for addresses only

    if scheme in S3:
        return amazon(bucket, **amazon_settings())
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


def amazon_settings() -> dict[str, str | None]:
    """Say how to get at S3: from the variables and files that AWS's own tools read, the same for every library here."""
    told = os.environ
    profile = profile_in_use()
    keys = told if told.get("AWS_ACCESS_KEY_ID") else {k.upper(): v for k, v in profile.items()}
    return {
        "access_key_id": keys.get("AWS_ACCESS_KEY_ID"),
        "secret_access_key": keys.get("AWS_SECRET_ACCESS_KEY"),
        "session_token": keys.get("AWS_SESSION_TOKEN") or None,
        "region": told.get("AWS_REGION") or told.get("AWS_DEFAULT_REGION") or profile.get("region", ""),
        "endpoint": told.get("AWS_ENDPOINT_URL_S3") or told.get("AWS_ENDPOINT_URL") or profile.get("endpoint_url", ""),
        "skip_signature": "true" if told.get("AWS_SKIP_SIGNATURE", "").lower() in {"1", "true", "yes"} else "",
    }


def profile_in_use() -> dict[str, str]:
    name = os.environ.get("AWS_PROFILE", "")
    section = name or "default"
    home = Path("~/.aws").expanduser()
    config = os.environ.get("AWS_CONFIG_FILE") or home / "config"
    credentials = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials"
    found: dict[str, str] = {}
    there = False
    for path, title in ((config, section if section == "default" else f"profile {name}"), (credentials, section)):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            message = f"{path}: this is not a file of AWS profiles"
            advice = "Put it right, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            raise UsageError(message, advice=advice) from error
        if parser.has_section(title):
            there = True
            found.update(parser.items(title))
    if name and not there:
        message = f"AWS_PROFILE: there is no profile {name}"
        raise UsageError(message, advice="The profiles stand in ~/.aws/config and ~/.aws/credentials.")
    return found


@lru_cache(maxsize=8)
def amazon(bucket: str, **told: str | None) -> FileSystem:
    """Connect to S3 as `amazon_settings` says."""
    from pyarrow import fs  # noqa: PLC0415 - loaded for addresses only

    scheme, _, host = (told["endpoint"] or "").rpartition("://")
    region = told["region"]
    if not region and not host:
        region = fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(
        access_key=told["access_key_id"],
        secret_key=told["secret_access_key"],
        session_token=told["session_token"],
        anonymous=bool(told["skip_signature"]),
        region=region or "us-east-1",
        scheme=scheme or "https",
        endpoint_override=host.rstrip("/") or None,
        connect_timeout=CONNECT,
        request_timeout=SILENCE,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=TRIES),
    )


def polars_options(address: str) -> dict[str, Any]:
    """Say how Polars gets at an address: the same way, with the same patience."""
    storage: dict[str, Any] = {
        "max_retries": TRIES - 1,
        "retry_timeout_ms": SILENCE * 1000,
        "connect_timeout": f"{CONNECT}s",
        "read_timeout": f"{SILENCE}s",
    }
    if address.partition("://")[0] not in S3:
        return {"storage_options": storage}
    told = amazon_settings()
    endpoint = told.pop("endpoint") or ""
    told["endpoint_url"], told["allow_http"] = endpoint, "true" if endpoint.startswith("http://") else ""
    told["region"] = told["region"] or ("us-east-1" if endpoint else "")
    storage |= {f"aws_{name}": value for name, value in told.items() if value}
    alone = {"credential_provider": None} if told["access_key_id"] or told["skip_signature"] else {}
    return {"storage_options": storage, **alone}


def iceberg_options(address: str) -> dict[str, str]:
    """Say the same in the words of PyIceberg, whose files Polars then reads."""
    if address.partition("://")[0] not in S3:
        return {}
    told = amazon_settings() | {
        "skip_signature": None,
        "connect_timeout": str(CONNECT),
        "request_timeout": str(SILENCE),
    }
    told["region"] = told["region"] or "us-east-1"
    return {f"s3.{name.replace('_', '-')}": value for name, value in told.items() if value}
