"""What stands at the directory of a run: nothing, a run, a damaged run, or something that is none of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.errors import InputError, OutputError
from fairpay.io.hashing import hash_file
from fairpay.io.manifest import MANIFEST, read_manifest, sealed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["damage", "standing_run"]


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
    broken = [] if sealed(manifest) else [f"{MANIFEST} was changed"]
    for output in manifest["outputs"]:
        path = directory / output["name"]
        try:
            size, digest = hash_file(path)
        except OSError as error:
            broken.append(f"{output['name']} cannot be read ({error.strerror})")
            continue
        if (size, digest) != (output["size"], output["sha256"]):
            broken.append(f"{output['name']} was changed")
    return broken
