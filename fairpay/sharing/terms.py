"""The terms of a month that is made of parts: what every party must agree on, and a request on them."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairpay.adjust.policy import find_policy, policy_file, policy_names
from fairpay.adjust.weights import wanted_roles
from fairpay.errors import InputError, OutputError, UsageError
from fairpay.money.currency import exact_amount, parse_rate
from fairpay.pipeline.partfile import mark_of, packed, unpacked
from fairpay.pipeline.warn import refuse_own_pool
from fairpay.pipeline.work import request_of
from fairpay.rules.core.rule import Needs
from fairpay.runs import disk
from fairpay.runs.rejects import is_same
from fairpay.settings.option import options_of
from fairpay.settings.options import MoneyOptions, QualifyingOptions
from fairpay.settings.values import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fairpay.adjust.policy import Policy
    from fairpay.pipeline.partfile import PartFile
    from fairpay.pipeline.request import Request

__all__ = ["Contribution", "read_part", "refuse_apart", "refuse_over", "request_on", "terms_of", "write_part"]

AGREED = ("several_artists", "repeats", "max_without_artist", "strict", "exact")
"""What all parties must agree on besides; the other options of reading say how a party's own files are read."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACEHOLDER = "subscribers"
"""What stands for the subscriber files of the parties."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """A part that was written."""

    held: PartFile
    path: Path
    apart: bool = False
    """Whether it was looked for listeners who are in two of its parts, and there are none."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        return f"<part of {len(self.held.parts):,} shards, round {self.held.round}: {self.path}>"


def terms_of(command: str, rules: Sequence[str], request: Request, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what all parts of a month must agree on, as JSON holds it."""
    names = [*options_of(MoneyOptions, QualifyingOptions), *AGREED]
    own, stated = request.conditions.policy, {name: spelt(name, options[name]) for name in names}
    preset = next((name for name in policy_names() if own is not None and find_policy(name) == request.policy), None)
    named = preset or (None if policy_file(own) else own)
    return {
        **stated,
        "subscribers": None if request.money.subscribers is None else PLACEHOLDER,
        "fairpay": metadata.version("fairpay"),
        "command": command,
        "rules": [rule.label for rule in request.rules] or list(rules),
        "policy": named,
        "policy file": None if own is None or named else Path(own).read_text(encoding="utf-8"),
        "policy columns": None if request.policy is None else columns_for(request.policy, request.opened.logs.columns),
        "artists": digest(request.artists) if request.policy is not None else None,
    }


def spelt(name: str, value: Any) -> Any:  # noqa: ANN401 - any option
    """Spell an option in one way, whatever way it was given in."""
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    if name in {"royalty_rate", "max_without_artist"}:
        return str(parse_rate(text))
    if name in {"fee", "pool", "min_seconds"}:
        exact_amount(text)
        plain = f"{Decimal(text.strip()):f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    if name in {"since", "until"}:
        return f"{EPOCH + timedelta(microseconds=moment(value, end=name == 'until'))}"
    return text.upper() if name == "currency" else text


def columns_for(policy: Policy, columns: Iterable[str]) -> str:
    """Name the columns that a policy uses and logs have: of other columns it makes other plays."""
    return ", ".join(sorted({*wanted_roles(policy)} & {*columns})) or "none"


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
    refuse_own_pool(request.policy)
    if request.reading.several_artists == "split":
        message = "--several-artists split needs every play at once, to divide all alike"
        raise UsageError(message, advice="Use --several-artists first or joined.")


def read_part(path: object) -> PartFile:
    """Read a part's file.

    Raises:
        InputError: it is not there, damaged, or none.

    """
    name = str(path)
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror or error}"
        raise InputError(message, advice="Give files that `fairpay shard` or `fairpay merge` wrote.") from None
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


def refuse_over(path: Path, inputs: Iterable[str | None]) -> None:
    """Refuse a place for a part where something lies that is read.

    Raises:
        UsageError: it is an input, also by a link.

    """
    if any(is_same(path, one) for one in inputs if one is not None):
        message = f"-o {path} names an input: it would be overwritten"
        raise UsageError(message, advice="Choose another name; nothing was read or written.")


def is_part(path: Path) -> str:
    """Return the mark of a part's file; empty where it is none."""
    try:
        return mark_of(read_part(path))
    except InputError:
        return ""
