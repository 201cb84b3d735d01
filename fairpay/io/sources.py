"""From what the user names to a list of log files."""

from __future__ import annotations

import errno
import glob
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from fairpay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairpay.settings import Reading

__all__ = ["Format", "LogFile", "Packing", "find_logs", "log_file"]

Format: TypeAlias = Literal["csv", "parquet", "json"]
Packing: TypeAlias = Literal["gz", "zst"]

FORMATS: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".dat": "csv", ".log": "csv", ".inter": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".json": "json", ".jsonl": "json", ".ndjson": "json",
}  # fmt: skip
"""Extension -> format. To read another extension, add it here."""
PACKINGS: dict[str, Packing] = {".gz": "gz", ".zst": "zst"}
UNPACK = {
    ".zip": "Unpack it, and give the files or the folder.",
    ".xlsx": "Save the sheet as CSV in UTF-8.",
    ".xls": "Save the sheet as CSV in UTF-8.",
}
REMOTE = ("s3://", "gs://", "https://", "http://", "az://", "abfss://", "hf://")
IGNORED = frozenset({"manifest.json", "summary.json"})
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of listening."""

    path: str
    format: Format
    packing: Packing | None
    size: int
    """Bytes on disk; 0 where it is not on this machine."""
    hive: dict[str, str | None] = field(default_factory=dict)
    """Keys and values of `key=value` folders."""
    remote: bool = False

    @property
    def stem(self) -> str:
        """The name without folders and known extensions: the user of a personal export."""
        return split_name(Path(urlsplit(self.path).path if self.remote else self.path).name)[0]


def split_name(name: str) -> tuple[str, str, Packing | None]:
    """Split `alice.json.gz` into `alice`, `.json` and `gz`."""
    stem, last = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
    packing = PACKINGS.get(last.lower())
    if packing is not None:
        stem, last = os.path.splitext(stem)  # noqa: PTH122 - likewise
    return (stem, last.lower(), packing) if last.lower() in FORMATS else (stem + last, "", packing)


def log_file(path: str, reading: Reading, hive: dict[str, str | None] | None = None) -> LogFile:
    """Tell a file's format.

    Raises:
        InputError: the file is not there or cannot be read, or its extension says nothing and no format is given.

    """
    remote = path.startswith(REMOTE)
    _, extension, packing = split_name(Path(urlsplit(path).path if remote else path).name)
    kind = reading.format or FORMATS.get(extension)
    if kind is None and not remote and not os.path.lexists(path):
        message = f"{path}: no such file or directory"
        raise InputError(message)
    if kind is None:
        message = f"{path}: the extension does not say what kind of log this is"
        advice = UNPACK.get(Path(path).suffix.lower(), "Give --format csv, parquet or json.")
        raise InputError(message, advice=advice)
    if remote:
        return LogFile(path, kind, packing, 0, hive or {}, remote=True)
    try:
        size = os.stat(path).st_size  # noqa: PTH116 - there may be ten thousand
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        message = f"{path}: cannot be read: {(error.strerror or 'unknown fault').lower()}"
        raise InputError(message) from error
    return LogFile(path, kind, packing, size, hive or {})


def find_logs(paths: Sequence[str], reading: Reading) -> list[LogFile]:
    """Find every file meant by paths, globs, directories and addresses; each once, in the order named.

    Raises:
        InputError: nothing found, not readable, or the formats differ.

    """
    found: dict[str, LogFile] = {}
    for path in paths:
        for file in expand(path, reading):
            found.setdefault(file.path if file.remote else os.path.realpath(file.path), file)
    files = list(found.values())
    kinds = {file.format for file in files}
    if len(kinds) > 1:
        some = ", ".join(f"{kind}: {next(f.path for f in files if f.format == kind)}" for kind in sorted(kinds))
        message = f"the logs are of {len(kinds)} formats ({some})"
        raise InputError(message, advice="Read logs of one format at a time, or choose one with --format.")
    return files


def expand(path: str, reading: Reading) -> Iterable[LogFile]:
    """Find the files one argument stands for."""
    if path.startswith(REMOTE):
        return [log_file(path, reading, hive_keys(path))]
    if Path(path).is_dir():
        return within(path, reading)
    if Path(path).exists() or not glob.has_magic(path):
        return [log_file(path, reading, hive_keys(path))]
    matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - keeps the form in which the user wrote it
    files = [file for match in matches for file in matched(match, reading)]
    if not files:
        message = f"{path}: no file matches"
        raise InputError(message, advice="Check the pattern; quote it, so that the shell leaves it alone.")
    return files


def matched(path: str, reading: Reading) -> Iterable[LogFile]:
    """Take one match of a pattern: a directory stands for the logs within."""
    return within(path, reading) if Path(path).is_dir() else [log_file(path, reading, hive_keys(path))]


def within(directory: str, reading: Reading) -> list[LogFile]:
    """Find the logs in a directory and below, leaving out hidden ones, `_SUCCESS` and the like."""
    wanted = {e for e, kind in FORMATS.items() if reading.format is None or kind == reading.format}
    files = []
    for folder, folders, names in os.walk(directory, onerror=refuse_folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in sorted(names):
            if not name.startswith((".", "_")) and name not in IGNORED and split_name(name)[1] in wanted:
                path = os.path.join(folder, name)  # noqa: PTH118 - keeps the form in which the user wrote it
                files.append(log_file(path, reading, hive_keys(path)))
    if not files:
        message = (
            f"{directory}: no log in this directory: looked for {', '.join(sorted(wanted))}, also with .gz or .zst"
        )
        raise InputError(message)
    return files


def refuse_folder(error: OSError) -> None:
    """Refuse a folder that cannot be listed: a log left out would be a wrong payout."""
    message = f"{error.filename}: cannot be read: {(error.strerror or 'unknown fault').lower()}"
    raise InputError(message) from error


def hive_keys(path: str) -> dict[str, str | None]:
    """Read the `key=value` folders of a path."""
    pairs = [part.split("=", 1) for part in path.replace(os.sep, "/").split("/")[:-1] if "=" in part]
    return {key: None if value == NULL_PARTITION else unquote(value) for key, value in pairs if key}
