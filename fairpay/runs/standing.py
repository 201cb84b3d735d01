"""What stands at the directory of a run: nothing, a run, a damaged run, or something that is none of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.errors import InputError, OutputError
from fairpay.runs.inputs import hash_file, read_plain
from fairpay.runs.manifest import MANIFEST, as_written, read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["damage", "fault_of", "manifest_stands", "standing_run"]


def standing_run(directory: Path, given: Path) -> dict[str, Any] | None:
    """Return the manifest of the run that is there, whole or damaged; None where nothing or an empty directory is.

    Raises:
        OutputError: when something is there that fairpay did not write; it is not touched, not even with --force.
        OSError: when the directory cannot be looked into.

    """
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return None
    strange, manifest = look_at(directory)
    if strange:
        message = f"{given} {strange}"
        raise OutputError(message, advice="Nothing was touched. Give a directory that is new, empty or a run.")
    return manifest


def look_at(directory: Path) -> tuple[str, dict[str, Any] | None]:
    """Return what makes it no run of fairpay's, in words, or the empty text and the manifest."""
    if not directory.is_dir():
        return "is a file", None
    present = {path.name for path in directory.iterdir()}
    try:
        manifest = read_manifest(directory)
    except InputError:
        return f"is not empty and not a run: it holds {min(present)}", None
    written = {str(output.get("name")) for output in manifest["outputs"]} | {MANIFEST}
    if extra := sorted(present - written):
        return f"holds {len(extra)} that no run wrote: {extra[0]}", None
    return "", manifest


def damage(directory: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Tell what is no longer as it was written: `comparison.csv was changed`. Empty for a whole run."""
    broken = [] if manifest_stands(directory, manifest) else [f"{MANIFEST} was changed"]
    faults = ((output["name"], fault_of(directory, output)[1]) for output in manifest["outputs"])
    return [*broken, *(f"{name} {fault}" for name, fault in faults if fault)]


def manifest_stands(directory: Path, manifest: Mapping[str, Any]) -> bool:
    """Tell whether the manifest, as it was read, is what its file holds and what was sealed."""
    try:
        return as_written(manifest, read_plain(directory / MANIFEST))
    except OSError:
        return False


def fault_of(directory: Path, output: Mapping[str, Any]) -> tuple[str, str]:
    """Hash an output again; return what it is now, and what is wrong with it: empty for nothing."""
    path = directory / output["name"]
    try:
        if not path.is_file():
            return "", "is gone" if not path.exists() else "is no file"
        size, digest = hash_file(path)
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"
    told = f"{size:,} bytes, sha256 {digest[:12]}..."
    return told, "" if (size, digest) == (output["size"], output["sha256"]) else "was changed"
