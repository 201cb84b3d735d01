"""Made-up months of listening, of any size, from a seed; it learns nothing from real users, so nothing can leak."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fairpay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def synth(  # noqa: PLR0913 - one keyword for each option of the command
    path: str | Path,
    *,
    rows: int,
    users: int | None = None,
    artists: int | None = None,
    seed: int = 1,
    month: str = "2026-10",
    order: Literal["user", "time"] = "user",
    bots: str | None = None,
    plants: Mapping[str, str] | None = None,
    ids: Literal["long", "short"] = "long",
    countries: Mapping[str, float] | None = None,
    plans: Mapping[str, tuple[str, float]] | None = None,
    columns: Sequence[str] | None = None,
    files: int = 1,
    format: Literal["csv", "parquet"] | None = None,  # noqa: A002 - the option's name
    subscribers: str | Path | None = None,
    artist_file: str | Path | None = None,
    force: bool = False,
) -> Written:
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
    from fairpay.synthetic import write  # noqa: PLC0415 - loads PyArrow where it is used
    from fairpay.synthetic.plants import make_month, parse_plants  # noqa: PLC0415 - likewise
    from fairpay.synthetic.tables import make_tables  # noqa: PLC0415 - likewise

    users = max(1, rows // 100) if users is None else users
    artists = max(1, users * 3 // 10) if artists is None else artists
    check_numbers(rows=rows, users=users, artists=artists, files=files)
    planted = parse_plants({**({"bots": bots} if bots else {}), **(plants or {})})
    made = make_month(rows, planted, users=users, artists=artists, seed=seed, month=month)
    tables = make_tables(made, seed=seed, ids=ids, columns=columns, countries=countries, plans=plans)
    logs = write.log_paths(Path(path), files=files, chosen=format)
    beside = {name: Path(name) for name in (subscribers, artist_file) if name is not None}
    for name in beside.values():
        write.format_of(name)
    if not force:
        write.refuse_present([*logs, *beside.values()])
    batches = (tables.plays(plays) for plays in (made.by_time() if order == "time" else made.by_user()))
    write.write_logs(batches, logs, rows=made.rows, schema=tables.schema, chosen=format)
    if subscribers is not None:
        everybody = made.users + made.users // IDLE_SHARE
        write.write_file(tables.subscribers(everybody), beside[subscribers], schema=tables.subscriber_schema)
    if artist_file is not None:
        table = tables.artist_table()
        write.write_file([table], beside[artist_file], schema=table.schema)
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
