"""Making a month: how large it is, who is planted in it, and which files it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from fairpay.errors import UsageError
from fairpay.settings.commands import complete
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from fairpay.settings.options import SynthOptions

__all__ = ["Written", "synth"]

IDLE_SHARE = 32
"""One subscriber in so many plays nothing, on top of those who happen not to."""
MOST = {"rows": 10**11, "users": 10**8, "artists": 5 * 10**6, "files": 10**5}


@dataclass(frozen=True, slots=True)
class Written:
    """What was made."""

    rows: int
    """Plays, the planted ones among them."""
    users: int
    """Users, the planted ones and those without a play among them."""
    artists: int
    """Artists who could be played, the planted ones among them."""
    files: tuple[Path, ...]
    """The logs."""


@job
def synth(path: str | Path, **options: Unpack[SynthOptions]) -> Written:
    """Make a month of `rows` plays by `users` people (default: one for each 100 plays), streamed to disk.

    Artists (default: 30 for each 100 users) are famous by Zipf's law, listening per user is log-normal; each user
    has artists of their own, a plan, a country and hours. The same seed gives the same plays in either order, and
    the same bytes. `bots="1040:636"` adds 1,040 accounts that play 636 times a day, on top of `rows`; `plants` adds
    more kinds likewise: `{"loops": "3:25"}`, lockstep, farm. With `files` above 1, `path` is a directory.
    `subscribers` and `artist_file` name further files to make.

    Raises:
        UsageError: for numbers out of range, an unknown column, plant or format.
        OutputError: when a file is there already (without `force`) or cannot be written.

    """
    from fairpay.synth import write  # noqa: PLC0415 - loads PyArrow where it is used
    from fairpay.synth.plants import make_month, parse_plants  # noqa: PLC0415 - likewise
    from fairpay.synth.tables import make_tables  # noqa: PLC0415 - likewise

    full = complete("synth", options)
    rows, files = full["rows"], full["files"]
    users = max(1, rows // 100) if full["users"] is None else full["users"]
    artists = max(1, users * 3 // 10) if full["artists"] is None else full["artists"]
    check_numbers(rows=rows, users=users, artists=artists, files=files)
    planted = parse_plants({**({"bots": full["bots"]} if full["bots"] else {}), **(full["plants"] or {})})
    made = make_month(rows, planted, users=users, artists=artists, seed=full["seed"], month=full["month"])
    tables = make_tables(made, **{name: full[name] for name in ("seed", "ids", "columns", "countries", "plans")})
    logs = write.log_paths(Path(path), files=files, chosen=full["format"])
    paid, names = (None if full[name] is None else Path(full[name]) for name in ("subscribers", "artist_file"))
    more = [one for one in (paid, names) if one is not None]
    for one in more:
        write.format_of(one)
    if not full["force"]:
        write.refuse_present([*logs, *more])
    batches = (tables.plays(plays) for plays in (made.by_time() if full["order"] == "time" else made.by_user()))
    write.write_logs(batches, logs, rows=made.rows, schema=tables.schema, chosen=full["format"])
    if paid is not None:
        everybody = made.users + made.users // IDLE_SHARE
        write.write_file(tables.subscribers(everybody), paid, schema=tables.subscriber_schema)
    if names is not None:
        table = tables.artist_table()
        write.write_file([table], names, schema=table.schema)
    return Written(made.rows, made.users, made.artists, logs)


def check_numbers(**numbers: int) -> None:
    """Refuse sizes that make no month.

    Raises:
        UsageError: for less than one of anything, or more than can be numbered.

    """
    for name, number in numbers.items():
        if not 1 <= number <= MOST[name]:
            message = f"{number} {name} cannot be made"
            raise UsageError(message, advice=f"Give from 1 to {MOST[name]:,} {name}.")
