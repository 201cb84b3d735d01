"""Plays told twice and files given twice: counted and said, left out, or refused, as a run was told to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.engine.feeding import feed, usable_processors
from fairpay.engine.repeats import PlayKeys, RepeatFinder, table_of
from fairpay.errors import InputError, Problem, UsageError
from fairpay.logs.read import open_logs
from fairpay.qualify import Qualifier
from fairpay.qualify.tally import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from fairpay.engine.keys import KeyTable
    from fairpay.engine.repeats import Repeated, RepeatExample
    from fairpay.engine.spool import Spool
    from fairpay.logs.cells import Part
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Cautions, Judged, Listens, RawBatch
    from fairpay.settings.values import Qualifying, Reading, Running

__all__ = ["TELLING", "Once", "Watching", "find_repeats", "open_once"]

APART = ("user", "artist", "time", "plays", "seconds", "ms")
TELLING = ("time", "track")
"""Columns that no amount depends on, and that tell plays apart."""
START = 1 << 16
SHOWN = 3
ADVICE = "Count each once with --repeats drop, or keep them with --repeats keep."
KEPT = "They count as often as the logs have them; --repeats drop counts each once."
FILES_KEPT = "Each is read; --repeats drop reads one of those that are alike."


@dataclass(frozen=True, slots=True)
class Once:
    """Plays told more than once, found in a first reading: in each further one they count once."""

    secret: NDArray[np.uint64]
    roles: tuple[str, ...]
    """Columns, beside user, artist, time and numbers, that must be read of every file that has them."""
    table: KeyTable

    def again(self) -> Callable[[Judged], NDArray[np.bool_] | None] | None:
        """Return what says, in one reading, which rows tell a play that came before; None where none does."""
        return RepeatFinder(self.secret, self.roles, self.table).again if self.table.count else None


@dataclass(frozen=True, slots=True)
class Watching:
    """What a reading does about plays told twice."""

    keys: PlayKeys | None = None
    """Counts them."""
    once: Once | None = None
    """Leaves them out."""

    @classmethod
    def of(cls, logs: Logs, once: Once | None, spool: Spool) -> Watching:
        """Leave out what `once` knows, else count, where the log has times."""
        return cls(once=once) if once is not None else cls(keys=keys_for(logs, spool))

    @property
    def judge(self) -> Callable[[Judged], NDArray[np.bool_] | None] | None:
        """What a qualifier shows plays to."""
        if self.once is not None:
            return self.once.again()
        return None if self.keys is None else self.keys.take

    def finish(self, reading: Reading, cautions: Cautions, running: Running) -> None:
        """Warn of what was counted, or refuse it.

        Raises:
            InputError: there are such plays, and they are refused.

        """
        if self.keys is None:
            return
        found = self.keys.finish(threads=running.threads or usable_processors())
        if not found.count:
            return
        examples = tuple(sorted(described(one) for one in found.examples)[:SHOWN])
        if reading.repeats == "refuse":
            raise refusal(found, examples)
        cautions.add("repeats", found.count, examples, KEPT)


def refusal(found: Repeated, examples: Sequence[str]) -> InputError:
    """Say how many plays are repeated, with examples."""
    message = (
        f"{found.count:,} of {found.rows:,} plays are in the logs more than once: same user, artist, time and length"
    )
    such = f", such as {'; '.join(examples)}" if examples else ""
    return InputError(message, problems=[Problem(found.count, f"more than once{such}")], advice=ADVICE)


def described(example: RepeatExample) -> str:
    """Name a play that is in the logs more than once."""
    time = str(np.datetime64(example.time, "us")).removesuffix(".000000")
    return f"{shown(example.artist)} · {time}Z ({example.times:,} times)"


def keys_for(logs: Logs, spool: Spool) -> PlayKeys | None:
    """Return what counts repeated plays; None where no file has a time."""
    roles = {role for part in logs.parts for role in part.columns.roles}
    return PlayKeys(spool, sorted(roles - {*APART})) if "time" in roles else None


def open_once(  # noqa: PLR0913 - how logs are opened, and who is told
    logs: object,
    reading: Reading,
    *,
    wanted: Collection[str],
    telling: Collection[str] = TELLING,
    period: tuple[int | None, int | None] = (None, None),
    cautions: Cautions | None = None,
    say: Callable[[str], None] = lambda _: None,
    rowless: bool = False,
) -> Logs:
    """Open logs with what tells plays apart, and do with files that are byte for byte the same what `reading` says.

    Where repeats are dropped, one file of each group stays, and the others are told to `say`; where they are kept,
    `cautions` is warned of them.

    Raises:
        FairpayError: as `open_logs` does; there are such files, and they are refused.

    """
    opened = open_logs(logs, reading, wanted=wanted, telling=telling, period=period, rowless=rowless)
    if reading.repeats == "keep" and cautions is None:
        return opened
    if reading.repeats == "drop" and isinstance(logs, pa.RecordBatchReader):
        message = "a stream is read only once, and --repeats drop reads a log twice"
        raise UsageError(message, advice="Give a table or a file.")
    groups = same_files(opened)
    count = sum(len(rest) for _, *rest in groups)
    if groups and reading.repeats == "refuse":
        message = f"{count:,} of {len(opened.files):,} files are byte for byte the same as another"
        problems = [Problem(len(group) - 1, f"the same file: {' = '.join(group)}") for group in groups]
        raise InputError(message, problems=problems, advice=ADVICE)
    if reading.repeats == "keep" and cautions is not None:
        cautions.add("same-files", count, (" = ".join(group) for group in groups), FILES_KEPT)
        return opened
    more = {path for _, *rest in groups for path in rest}
    for first, *rest in groups:
        say(f"Left out, byte for byte the same as {first}: {', '.join(rest)}")
    return replace(opened, parts=[part for part in opened.parts if part.file is None or part.file.path not in more])


def same_files(logs: Logs) -> list[list[str]]:
    """Group files with rows that are byte for byte the same, and of the same person and folder keys; sorted by name."""
    parts = [part for part in logs.parts if part.file and not part.file.remote]
    groups: list[list[Part]] = [parts]
    for alike in (size_of, start_of, digest_of):
        groups = [some for group in groups for some in divided(group, alike)]
    return sorted(sorted(part.file.path for part in group if part.file) for group in groups if has_rows(group[0]))


def divided(parts: Sequence[Part], alike: Callable[[Part], object]) -> Iterable[list[Part]]:
    """Divide files by something that those that are the same have in common; single ones are left out."""
    found: dict[object, list[Part]] = defaultdict(list)
    for part in parts:
        found[alike(part)].append(part)
    return [group for group in found.values() if len(group) > 1]


def size_of(part: Part) -> object:
    """Return a file's size, and what its place says of its rows."""
    assert part.file is not None
    return part.file.size, tuple(sorted((key, value or "") for key, value in part.constants.items()))


def start_of(part: Part) -> bytes:
    """Hash a file's first bytes."""
    assert part.file is not None
    with Path(part.file.local).open("rb") as file:
        return sha256(file.read(START)).digest()


def digest_of(part: Part) -> bytes:
    """Hash a file."""
    assert part.file is not None
    digest = sha256()
    with Path(part.file.local).open("rb") as file:
        while block := file.read(START):
            digest.update(block)
    return digest.digest()


def has_rows(part: Part) -> bool:
    """Whether a file has any row: parts that hold only a header are all alike."""
    source = part.source
    return source.rows > 0 if source.rows is not None else any(frame.height for frame in source.read(part.names))


def find_repeats(
    logs: Logs,
    qualifying: Qualifying,
    judge: Callable[[Qualifier], Callable[[RawBatch], Listens]],
    *,
    spool: Spool,
    running: Running,
) -> Once | None:
    """Read logs once to find plays that are told more than once; None where the log has no times.

    Args:
        logs: opened with every column that the readings to come take.
        qualifying: which listens count.
        judge: judges a batch with a qualifier, as the readings to come will.
        spool: keeps books of the memory.
        running: how to run.

    """
    keys = keys_for(logs, spool)
    if keys is None:
        return None
    judging = judge(Qualifier(qualifying, set_aside=True, repeats=keys.take))
    threads = running.threads or usable_processors()

    def consume(raw: RawBatch) -> None:
        judging(raw)

    feed(logs.units(batch_rows=running.batch_rows), [consume] * threads)
    found = keys.finish(threads=threads, keep=True)
    return Once(keys.secret, keys.roles, table_of(found.keys, spool, running.temp_dir))
