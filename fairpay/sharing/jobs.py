"""The jobs of sharing, `shard` and `merge`, and the terms of a month of parts, on which every party must agree."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from fairpay.adjust.policy import find_policy, policy_file, policy_names
from fairpay.adjust.weights import wanted_roles
from fairpay.errors import InputError, UsageError
from fairpay.money.currency import exact_amount, parse_rate
from fairpay.pipeline.jobs import Result, policy_rule, two_or_more, with_policy
from fairpay.pipeline.overlap import name_of
from fairpay.pipeline.partfile import read_part, write_part
from fairpay.pipeline.request import input_files
from fairpay.pipeline.shards import AnotherRound, add, conclude, contribute
from fairpay.pipeline.warn import refuse_own_pool
from fairpay.pipeline.work import publish, request_of, tables_in_files, watching
from fairpay.reports.disclosure import merge_few
from fairpay.reports.outcome import InputFile
from fairpay.rules import spelled
from fairpay.rules.core.rule import Needs
from fairpay.runs.inputs import HashedInputs
from fairpay.runs.outputs import is_same
from fairpay.runs.publish import Target
from fairpay.settings.commands import complete
from fairpay.settings.option import options_of
from fairpay.settings.options import MoneyOptions, QualifyingOptions
from fairpay.settings.speech import job
from fairpay.settings.values import moment
from fairpay.sharing.pseudonyms import read_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fairpay.adjust.policy import Policy
    from fairpay.pipeline.partfile import PartFile
    from fairpay.pipeline.request import Request
    from fairpay.settings import options as o
    from fairpay.settings.option import Logs, PathText

__all__ = ["Contribution", "merge", "shard"]

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


@job
def shard(logs: Logs, **options: Unpack[o.ShardOptions]) -> Contribution:
    """Write what the listeners of some logs add to a month, as a part that names none of them.

    Args:
        logs: as for `compare`.
        **options: the terms are those of `compare`, or of `pay` with `payouts=True`; `after` is the sum of all parts
            of the round before.

    Raises:
        FairpayError: every error of a run; the logs are not of the month that `after` is the sum of.

    """
    full = with_policy("shard", options)
    command = "pay" if full["payouts"] else "compare"
    rules = two_or_more(full) if command == "compare" else (tuple(map(spelled, full["rules"])) or policy_rule(full))
    if command == "pay" and len(rules) != 1:
        message = f"{len(rules)} rules given"
        raise UsageError(message, advice="Give one --rule NAME; `fairpay rules` lists them.")
    path = Path(full["output"])
    with tables_in_files(full) as filed:
        request = request_of(command, logs, rules, filed)
        refuse_apart(request)
        refuse_over(path, [full["after"], full["overlap_key"], *(one.path for one in input_files(request))])
        known = None if full["after"] is None else read_part(full["after"])
        key = None if full["overlap_key"] is None else read_key(Path(full["overlap_key"]))
        terms = {**terms_of(command, rules, request, full), "overlap key": None if key is None else name_of(key)}
        held = contribute(request, terms, known, watching(full), party=full["party"], key=key)
        return Contribution(held, write_part(held, path, force=full["force"]))


@job
def merge(parts: PathText | Sequence[PathText], **options: Unpack[o.MergeOptions]) -> Result | Contribution:
    """Add parts of a month; with an output directory, settle it from all of them.

    Args:
        parts: files that `shard` or `merge` wrote, each once.
        **options: with `output` a name that ends in `.part` the sum is written, else the run.

    Raises:
        InputError: parts are damaged, of different terms or rounds, there twice or missing; another round is needed.
        FairpayError: every other error of a run.

    """
    full = complete("merge", options)
    names = [os.fspath(parts)] if isinstance(parts, str | os.PathLike) else [os.fspath(part) for part in parts]
    if not names:
        message = "no part given"
        raise UsageError(message, advice="Give files that `fairpay shard` or `fairpay merge` wrote.")
    several = [read_part(name) for name in names]
    with tables_in_files(full) as filed, request_on(several[0].terms, filed) as request:
        whole = add(several, names, request)
        if full["output"] is not None and full["output"].endswith(".part"):
            path = Path(full["output"])
            refuse_over(path, names)
            apart = len(several) > 1 and all(one.prefixes is not None for one in several)
            return Contribution(whole, write_part(whole, path, force=full["force"]), apart=apart)
        command, rules = several[0].terms["command"], several[0].terms["rules"]
        if command == "pay" and full["k"] > 1:
            message = "--k is for comparisons, and these are parts of what is paid"
            raise UsageError(message, advice="Leave it out: what is paid is paid to each artist.")
        read = tuple(InputFile("parts", name) for name in names)
        try:
            outcome = merge_few(conclude(request, whole, read), full["k"])
        except AnotherRound:
            message = f"round {whole.round} does not say all: every party is to be asked once more"
            advice = "Write the sum with -o SUM.part; each party runs `fairpay shard` with --after SUM.part."
            raise InputError(message, advice=advice) from None
        recorded = {name: value for name, value in several[0].terms.items() if name not in {"rules", "fairpay"}}
        origins = {name: (value, "parts") for name, value in {**recorded, "rule": rules}.items()}
        origins["k"] = (full["k"], "merge")
        result = Result(command, outcome, read, origins)
        if full["output"] is None:
            return result
        with Target(Path(full["output"]), force=full["force"]) as target:
            return replace(result, published=publish(result, target, HashedInputs.begin(read)))


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


def refuse_over(path: Path, inputs: Iterable[str | None]) -> None:
    """Refuse a place for a part where something lies that is read.

    Raises:
        UsageError: it is an input, also by a link.

    """
    if any(is_same(path, one) for one in inputs if one is not None):
        message = f"-o {path} names an input: it would be overwritten"
        raise UsageError(message, advice="Choose another name; nothing was read or written.")
