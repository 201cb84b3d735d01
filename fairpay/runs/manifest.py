"""The manifest of a run: what was read, asked and written, and how to know it again."""

from __future__ import annotations

import hashlib
import json
import platform
import uuid
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairpay.errors import InputError
from fairpay.runs.inputs import read_plain
from fairpay.runs.outputs import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.reports.outcome import Control

__all__ = [
    "MANIFEST",
    "canonical",
    "describe",
    "fingerprint",
    "has_parts",
    "is_manifest",
    "manifest_stands",
    "plain",
    "read_manifest",
    "seal",
    "sealed",
]

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
PACKAGES = ("numba", "numpy", "polars", "pyarrow")
RUNNING = frozenset(
    {"memory", "threads", "batch_rows", "temp_dir", "progress", "force", "quiet", "json", "output", "config", "command"}
    | {"engine", "master", "remote", "partitions", "spark", "top", "sort", "csv", "report"}
)
"""Options that change how a run goes and not what comes out."""
FILES = frozenset(
    {"log", "logs", "subscribers", "artists", "decisions", "previous", "history", "wishes", "delegations"}
)
"""Options that name input files: what they hold and what they are read as counts, and not where they lie."""
PARTS: dict[str, dict[str, tuple[type, ...]]] = {
    "outputs": {"name": (str,), "size": (int,), "sha256": (str,)},
    "inputs": {"name": (str,), "sha256": (str, type(None))},
    "controls": {"name": (str,), "ok": (bool,), "detail": (str,)},
}
"""What others rely on in the records of a manifest: key -> types of its value."""
Option = tuple[Any, str]


def describe(
    *,
    command: str,
    options: Mapping[str, Option],
    inputs: Sequence[Mapping[str, Any]],
    controls: Sequence[Control],
) -> dict[str, Any]:
    """Put a manifest together; publishing adds the outputs, the fingerprint and the seal.

    `options` maps each option to its value and where that came from. Only options, file names and totals go in:
    no user id does.
    """
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {
        "schema_version": SCHEMA_VERSION,
        "fairpay": metadata.version("fairpay"),
        "versions": {"python": platform.python_version(), **versions},
        "created": datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": command,
        "options": {name: {"value": value, "origin": origin} for name, (value, origin) in options.items()},
        "inputs": [dict(record) for record in inputs],
        "controls": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in controls],
    }


def fingerprint(*, command: str, options: Mapping[str, Option], inputs: Sequence[Mapping[str, Any]]) -> str:
    """Return what tells one run from another: the same for the same inputs, options that matter, and fairpay.

    Where the inputs lie, in which order they are named, and where an option came from do not matter; what each is read
    as does, and whatever its rows take from its place. Every option counts that is not known to change no result. An
    input that could not be hashed may have changed: two runs on it are never the same.
    """
    asked = {name: plain(value) for name, (value, _) in options.items() if name not in RUNNING | FILES}
    if "rejects" in asked:
        asked["rejects"] = asked["rejects"] is not None
    read = sorted(
        [
            *(str(record.get(key, "")) for key in ("role", "known_as")),
            Path(record["name"]).name,
            record["size"] or 0,
            record["sha256"] or f"not hashed {uuid.uuid4()}",
        ]
        for record in inputs
    )
    told: list[object] = [SCHEMA_VERSION, metadata.version("fairpay"), command, asked, read or str(uuid.uuid4())]
    return hashlib.sha256(canonical(told)).hexdigest()


def plain(value: object) -> object:
    """Turn a value into what JSON can hold."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def canonical(value: object) -> bytes:
    """Write a value as JSON in the one way that is hashed; the bytes of a name that is not UTF-8 are escaped."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="backslashreplace")


def seal(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Add the hash of the manifest itself, so that a change by hand is noticed."""
    content = {key: plain(value) for key, value in manifest.items() if key != "seal"}
    return {**content, "seal": hashlib.sha256(canonical(content)).hexdigest()}


def sealed(manifest: Mapping[str, Any]) -> bool:
    """Tell whether the manifest is as it was written."""
    return bool(seal(manifest)["seal"] == manifest.get("seal"))


def manifest_stands(directory: Path, manifest: Mapping[str, Any]) -> bool:
    """Tell whether a manifest, as it was read, was sealed, and is what its file holds: white space and order too."""
    try:
        return sealed(manifest) and as_json(manifest) == read_plain(directory / MANIFEST)
    except (OSError, ValueError, RecursionError):  # a number or a text that no manifest holds
        return False


def read_manifest(directory: Path) -> dict[str, Any]:
    """Read the manifest of a run.

    Raises:
        InputError: when there is none, or it is none of fairpay's.

    """
    path = directory / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(read_plain(path))
    except OSError as error:
        message = f"{directory} is not a run: {MANIFEST} cannot be read ({error.strerror})"
        within = min((str(one.parent) for one in directory.glob(f"*/{MANIFEST}")), default="")
        advice = f"Give one of the runs in it, such as {within}." if within else "Give a directory written with -o."
        raise InputError(message, advice=advice) from None
    except (ValueError, RecursionError):
        message = f"{path} is not JSON"
        raise InputError(message, advice="It was changed or cut short; make the run again.") from None
    if not is_manifest(manifest):
        message = f"{path} is not a manifest of fairpay"
        raise InputError(message, advice="Give a directory written with -o.")
    return manifest


def is_manifest(value: object) -> bool:
    """Tell whether a value has the parts of a manifest that others rely on; outputs lie in the run's directory."""
    if not isinstance(value, dict) or not isinstance(value.get("fingerprint"), str):
        return False
    for part, kinds in PARTS.items():
        records = value.get(part)
        if not isinstance(records, list) or not all(has_parts(record, kinds) for record in records):
            return False
    return all(Path(output["name"]).name == output["name"] for output in value["outputs"])


def has_parts(record: object, kinds: Mapping[str, tuple[type, ...]]) -> bool:
    """Tell whether a record of a manifest has these keys, with values of these types; true and false are no numbers."""
    return isinstance(record, dict) and all(key in record and type(record[key]) in kinds[key] for key in kinds)
