"""The terms of a month that is made of parts: what every party must agree on, and a request on them."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairpay.adjust.policy import policy_file
from fairpay.errors import InputError, OutputError, UsageError
from fairpay.logs.faults import reading_of
from fairpay.pipeline.partfile import mark_of, packed, unpacked
from fairpay.pipeline.work import request_of
from fairpay.rules.core.rule import Needs
from fairpay.runs import disk
from fairpay.settings.option import options_of
from fairpay.settings.options import MoneyOptions, QualifyingOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairpay.pipeline.partfile import PartFile
    from fairpay.pipeline.request import Request

__all__ = ["Contribution", "read_part", "refuse_apart", "request_on", "terms_of", "write_part"]

AGREED = ("several_artists", "repeats", "max_without_artist", "strict")
"""Options of reading that all parties must agree on; the others say how a party's own files are read."""
PLACEHOLDER = "subscribers"
"""What stands for the subscriber files of the parties."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """A part that was written."""

    held: PartFile
    path: Path

    def __repr__(self) -> str:
        """Say in one line what it is."""
        return f"<part of {len(self.held.parts):,} shards, round {self.held.round}: {self.path}>"


def terms_of(command: str, rules: Sequence[str], request: Request, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what all parts of a month must agree on, as JSON holds it."""
    names = [*options_of(MoneyOptions, QualifyingOptions), *AGREED]
    stated = {
        name: value if value is None or isinstance(value, bool) else str(value) for name, value in options.items()
    }
    own = policy_file(request.conditions.policy)
    return {
        **{name: stated[name] for name in names},
        "subscribers": None if request.money.subscribers is None else PLACEHOLDER,
        "fairpay": metadata.version("fairpay"),
        "command": command,
        "rules": [rule.label for rule in request.rules] or list(rules),
        "policy": request.conditions.policy if own is None else None,
        "policy file": None if own is None else Path(own).read_text(encoding="utf-8"),
        "artists": digest(request.artists) if request.policy is not None else None,
    }


def digest(path: Path | None) -> str | None:
    return None if path is None else sha256(path.read_bytes()).hexdigest()


@contextmanager
def request_on(terms: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[Request]:
    """Lend a request on the terms of parts, with options of one's own for what is shown.

    Raises:
        InputError: the parts are of another fairpay, or a policy needs the file of artists that they were made with.

    """
    if terms["fairpay"] != metadata.version("fairpay"):
        message = f"the parts were made by fairpay {terms['fairpay']}, and this is {metadata.version('fairpay')}"
        raise InputError(message, advice="Use the same fairpay everywhere.")
    with tempfile.TemporaryDirectory(prefix="fairpay-") as folder:
        stated = {name: value for name, value in terms.items() if value is not None}
        if "policy file" in stated:
            stated["policy"] = Path(folder) / "policy.toml"
            stated["policy"].write_text(stated.pop("policy file"), encoding="utf-8")
            stated["policy"] = str(stated["policy"])
        request = request_of(
            stated.pop("command"), (), stated.pop("rules"), {**options, **stated, "artists": options["artists"]}
        )
        if terms["artists"] is not None and digest(request.artists) != terms["artists"]:
            message = "the policy of the parts uses a file of artists, and it is not this one"
            raise InputError(message, advice="Give the file that the parts were made with: --artists FILE.")
        yield request


def refuse_apart(request: Request) -> None:
    """Refuse, before anything is read, what cannot be done in parts.

    Raises:
        UsageError: with what and why.

    """
    for rule in request.rules:
        if rule.needs is not Needs.SUMS:
            message = f"{rule.label} needs {rule.needs.value}, which parts do not show"
            raise UsageError(message, advice="Leave it out, or run it over all rows.")
    if request.reading.several_artists == "split":
        message = "--several-artists split needs every play at once, to divide all alike"
        raise UsageError(message, advice="Use --several-artists first or joined.")


def read_part(path: object) -> PartFile:
    """Read a part's file.

    Raises:
        InputError: it is not there, damaged, or none.

    """
    name = str(path)
    with reading_of(name):
        content = Path(name).read_bytes()
    return unpacked(content, name)


def write_part(held: PartFile, path: Path, *, force: bool) -> Path:
    """Write a part, whole or not at all; the same part again is left as it is.

    Raises:
        OutputError: it cannot be written, or another file is there.

    """
    if path.exists() and not force:
        if path.is_file() and is_part(path) == mark_of(held):
            return path
        message = f"{path} is there already"
        raise OutputError(message, advice="Replace it with --force, or give another name.")
    try:
        with disk.replacing(path) as made, disk.open_new(made) as file:
            file.write(packed(held))
    except OSError as error:
        message = f"{path} could not be written: {error.strerror or error}"
        raise OutputError(message, advice="Nothing half-written is left.") from error
    return path


def is_part(path: Path) -> str:
    """Return the mark of a part's file; empty where it is none."""
    try:
        return mark_of(read_part(path))
    except InputError:
        return ""
