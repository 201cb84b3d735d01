"""The jobs of sharing: `shard` and `merge`, as Python and the command line call them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from fairpay.errors import InputError, UsageError
from fairpay.pipeline.jobs import Result, policy_rule, two_or_more, with_policy
from fairpay.pipeline.overlap import name_of
from fairpay.pipeline.request import input_files
from fairpay.pipeline.shards import AnotherRound, add, conclude, contribute
from fairpay.pipeline.work import publish, request_of, tables_in_files, watching
from fairpay.reports.disclosure import merge_few
from fairpay.reports.outcome import InputFile
from fairpay.rules import spelled
from fairpay.runs.inputs import HashedInputs
from fairpay.runs.publish import Target
from fairpay.settings.commands import complete
from fairpay.settings.speech import job
from fairpay.sharing.pseudonyms import read_key
from fairpay.sharing.terms import (
    Contribution,
    read_part,
    refuse_apart,
    refuse_over,
    request_on,
    terms_of,
    write_part,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.settings import options as o
    from fairpay.settings.option import Logs, PathText

__all__ = ["merge", "shard"]


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
