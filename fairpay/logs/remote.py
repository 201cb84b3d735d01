"""Logs that are not on this machine: found by the rules of folders; text is copied, Parquet is read where it lies."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.logs.faults import reading_of
from fairpay.logs.find import (
    FORMATS,
    IGNORED,
    SNIFFED,
    LogFile,
    Packing,
    hive_keys,
    sniffed,
    split_name,
    told_by,
    unknown,
    unzip,
    wanted,
)
from fairpay.logs.lakes import open_lake, table_among
from fairpay.logs.open import open_file, parquet_source
from fairpay.logs.outages import guarded, outages_at
from fairpay.logs.packed import packed_as
from fairpay.logs.people import person_at, person_in
from fairpay.logs.stores import Bucket, Entry, is_web, polars_options, shown, store_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairpay.logs.find import Format, Found
    from fairpay.logs.source import Source
    from fairpay.settings.values import Reading

__all__ = ["check_addresses", "expand_remote", "open_remote", "remote_file"]

PARQUET = b"PAR1"


def expand_remote(path: str, reading: Reading, found: Found, *, alone: bool) -> list[LogFile]:
    """Find the logs an address, a prefix or a pattern stands for.

    Raises:
        InputError: there is nothing, or the server does not say what there is.
        UsageError: a web server cannot be asked for its files.

    """
    if is_web(path):
        if "*" in path.partition("?")[0]:
            message = f"{shown(path)}: a web server does not list its files, so that a pattern finds nothing"
            raise UsageError(message, advice="Name each file.")
        return [remote_file(path, reading)]
    path = settled(path)
    bucket = Bucket.of(path)
    if not re.search(r"[*?[]", path) or named_so(bucket, path):
        entry = bucket.look(path)
        return within(bucket, entry, reading, found, alone=alone) if stands_for_many(entry) else [one(entry, reading)]
    files = []
    for entry in matches(bucket, path):
        if stands_for_many(entry):
            files += within(bucket, entry, reading, found, alone=False)
        else:
            person, home = person_at(rooted(entry.address))
            files.append(replace(one(entry, reading), person=person, home=home, sought=False))
    if not files:
        bucket.look(path.partition("://")[0] + "://" + bucket.path(path).partition("/")[0])
        message = f"{path}: no object matches"
        raise InputError(message, advice="Check the pattern; quote it, so that the shell leaves it alone.")
    return files


def settled(address: str) -> str:
    """Return the one form of an address that has several: s3a:// is what Hadoop calls s3://."""
    scheme, mark, rest = address.partition("://")
    return ("s3" if scheme == "s3a" else scheme) + mark + rest.rstrip("/")


def check_addresses(files: Sequence[LogFile]) -> None:
    """Refuse addresses that look the same in messages and in the manifest, where no query is shown.

    Raises:
        UsageError: naming them.

    """
    counts = Counter(file.path for file in files)
    twice = [path for path, count in counts.items() if count > 1]
    if twice:
        message = f"{twice[0]}: {counts[twice[0]]} addresses differ only in what follows the question mark"
        raise UsageError(message, advice="Fetch the files first, and give them names of their own.")


def named_so(bucket: Bucket, path: str) -> bool:
    """Whether a name that looks like a pattern is a name."""
    try:
        bucket.look(path)
    except InputError:
        return False
    return True


def hidden(name: str) -> bool:
    """Whether an object is no log by its name, such as _SUCCESS."""
    return name.startswith((".", "_"))


def stands_for_many(entry: Entry) -> bool:
    """Whether something stands for the logs within."""
    return entry.folder or entry.name.lower().endswith(".zip")


def matches(bucket: Bucket, pattern: str) -> Iterator[Entry]:
    """Yield what a pattern means, folder by folder, so that only what it names is listed."""
    scheme, _, rest = pattern.partition("://")
    first, *parts = rest.split("/")
    if re.search(r"[*?[]", first):
        message = f"{pattern}: a bucket is named, not sought by a pattern"
        raise UsageError(message, advice=f"For example {scheme}://BUCKET/log/*/*.parquet.")
    yield from matching(bucket, Entry(address=f"{scheme}://{first}", folder=True), parts)


def matching(bucket: Bucket, at: Entry, parts: Sequence[str]) -> Iterator[Entry]:
    """Yield what the parts of a pattern mean below a folder."""
    if not parts:
        yield at
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from matching(bucket, at, rest or ["*"])
        inner, rest = "*", parts
    else:
        inner = part
    for entry in bucket.within(at.address, deep=False):
        if hidden(entry.name) and not inner.startswith(entry.name[0]):
            continue
        if fnmatch.fnmatchcase(entry.name, inner) and (entry.folder or not rest):
            yield from matching(bucket, entry, rest)


def within(bucket: Bucket, top: Entry, reading: Reading, found: Found, *, alone: bool) -> list[LogFile]:
    """Find the logs below a prefix, or in an archive."""
    if top.folder:
        files = list(walk(bucket, top, reading, found))
        if len(files) == 1 and files[0].path == top.address:
            return files
    else:
        files = list(unpacked(top, reading, found))
        tops = {file.path.removeprefix(f"{top.address}/").split("/")[0] for file in files}
        alone = alone and len(tops) > 1  # else the one folder in it is the service's
    root = rooted(top.address)
    whose = [
        person_in(file.path.removeprefix(f"{top.address}/"), root, alone=alone, climb=top.folder) for file in files
    ]
    return [
        replace(file, person=person, home=home, sought=False) for file, (person, home) in zip(files, whose, strict=True)
    ]


def rooted(address: str) -> str:
    """Write an address as a path from the root, in which people are found as on a disk."""
    return "/" + address.partition("://")[2].strip("/")


def walk(bucket: Bucket, top: Entry, reading: Reading, found: Found) -> Iterator[LogFile]:
    """Find the logs below a prefix, leaving out hidden ones; a table of a lake is one log."""
    entries = bucket.within(top.address, deep=True)
    tables = tables_among(top.address, entries)
    told = set()
    for entry in entries:
        table = next((table for table in tables if entry.address.startswith(f"{table}/")), None)
        if table is not None:
            if table not in told:
                told.add(table)
                yield LogFile(path=table, format=tables[table], remote=True)
            continue
        inner = entry.address.removeprefix(f"{top.address}/")
        if any(hidden(part) for part in inner.split("/")) or entry.name in IGNORED:
            continue
        if entry.name.lower().endswith(".zip"):
            yield from unpacked(entry, reading, found)
        elif wanted(entry.name, reading, lambda entry=entry: sniffed_at(entry.address)):  # type: ignore[misc] # bound here
            yield one(entry, reading)
        else:
            found.passed.append(entry.address)


def tables_among(top: str, entries: Sequence[Entry]) -> dict[str, Format]:
    """Find the tables of lakes by what lies in them: folder -> its format."""
    folders: dict[str, list[str]] = {}
    for entry in entries:
        above, _, name = entry.address.rpartition("/")
        outer, _, folder = above.rpartition("/")
        if folder in {"_delta_log", "metadata"} and len(outer) >= len(top):
            folders.setdefault(outer, []).append(f"{folder}/{name}")
    found = {folder: table_among(names) for folder, names in folders.items()}
    return {folder: kind for folder, kind in found.items() if kind is not None}


def unpacked(entry: Entry, reading: Reading, found: Found) -> Iterator[LogFile]:
    """Find the logs in an archive, copied to this machine."""
    local = str(store_of(entry.address).copied(entry.address))
    within_it = type(found)()
    for file in unzip(local, reading, within_it):
        yield replace(file, path=entry.address + file.path.removeprefix(local))
    found.passed += [entry.address + name.removeprefix(local) for name in within_it.passed]


def remote_file(address: str, reading: Reading) -> LogFile:
    """Tell a file at an address.

    Raises:
        InputError: nothing is there, or nothing says what it is.

    """
    address = address if is_web(address) else settled(address)
    return one(Entry(address=address) if is_web(address) else Bucket.of(address).look(address), reading)


def one(entry: Entry, reading: Reading) -> LogFile:
    """Tell the format of an object: as it was told, else by its name, else by its first bytes.

    Raises:
        InputError: nothing says what it is.

    """
    path = shown(entry.address)
    extension, packing = extension_of(path)
    kind: Format | None = reading.format or ("iceberg" if path.endswith(".metadata.json") else FORMATS.get(extension))
    kind = kind or sniffed_at(entry.address)
    if kind is None:
        raise unknown(path)
    away = "" if entry.address == path else entry.address
    return LogFile(
        path=path, format=kind, packing=packing, size=entry.size, hive=hive_keys(path), remote=True, copy=away
    )


def extension_of(path: str) -> tuple[str, Packing | None]:
    """Return the extension of an address, and how it is packed."""
    return split_name(Path(path).name)[1:]


def sniffed_at(address: str) -> Format | None:
    """Tell a format by the first bytes of an object, unpacked."""
    store = store_of(address)
    start = store.start(address, SNIFFED)
    if start is None or packed_as(start) is not None:
        return sniffed(str(store.copied(address)))
    return told_by(start)


def open_remote(file: LogFile, reading: Reading) -> Source:
    """Let Polars read Parquet where it lies; copy anything else to this machine, to be read as any file here.

    Raises:
        InputError: it cannot be read.

    """
    if file.format in {"delta", "iceberg"}:
        return open_lake(file)
    store = store_of(file.local)
    if file.format == "parquet" and store.start(file.local, len(PARQUET)) == PARQUET:
        with reading_of(file.path), outages_at(file.path, scanning=True):
            options = polars_options(file.local)
            lazy = pl.scan_parquet(file.local, hive_partitioning=False, glob=False, **options)
            source = parquet_source(lazy, file.path, file.local, **options)
        return replace(source, frames=guarded(source.frames, file.path))
    copy = store.copied(file.local)
    return open_file(replace(file, remote=False, copy=str(copy), size=copy.stat().st_size), reading)
