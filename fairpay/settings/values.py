"""What a run is asked to do, whoever asks: the command line, a config file or Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Conditions", "MoneyStated", "Qualifying", "Reading", "Running"]

Measure: TypeAlias = Literal["time", "plays"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read the logs."""

    columns: dict[str, str] = field(default_factory=dict)
    """role -> column name (or position from 1 where there is no header); empty: detected."""
    format: Literal["csv", "parquet", "json", "xlsx"] | None = None
    """None: by extension."""
    encoding: str | None = None
    """Encoding of text files; None: UTF-8."""
    decimal: Literal[".", ","] = "."
    """What stands before the fraction in numbers of text files; with a comma, points group thousands."""
    day_first: bool = False
    """Whether dates of text files are written day, month, year."""
    separator: str | None = None
    """One character; None: detected."""
    quote: bool = True
    """Whether `"` quotes."""
    header: bool = True
    """Whether a text file has a header line."""
    user_from_file: bool = False
    """Take the file's name as the user, for personal exports."""
    user_from_folder: bool = False
    """Take the folder, or the archive, that a person's files lie in as the user."""
    several_artists: Literal["joined", "first", "split"] = "joined"
    """What becomes of a play with a list of artists: one artist of this joined name, the first, or parts for all."""
    repeats: Literal["keep", "drop", "refuse"] = "keep"
    """What becomes of plays that are told twice."""
    max_without_artist: Fraction = Fraction(1, 5)
    """The part of plays without an artist above which a payout is refused."""
    strict: bool = False
    """Whether a warning stops the run."""
    rejects: Path | None = None
    """Where bad rows go; None: bad rows stop the run."""
    late: dict[str, int] = field(default_factory=dict)
    """Path -> which correction of a closed month brought it; each may be of another format than the month's logs."""


@dataclass(frozen=True, slots=True)
class Qualifying:
    """Which listens count."""

    min_ms: int = 30_000
    """Shorter listens are left out, where the log has a duration."""
    since: int | None = None
    """First moment of the period, microseconds since 1970 UTC; None: no bound."""
    until: int | None = None
    """First moment after the period, likewise."""
    measure: Measure | None = None
    """What listening is counted in; None: time where the log has a duration, else plays."""


@dataclass(frozen=True, slots=True)
class MoneyStated:
    """The money to divide, as it was stated. At most one of pool, fee and subscribers is given."""

    pool: str | None = None
    """Total, in major units, as text."""
    fee: str | None = None
    """What each user with listening paid."""
    subscribers: Path | None = None
    """A file of user and paid."""
    rate: Fraction = Fraction(1)
    """Royalty rate on what is stated."""
    currency: str = "EUR"
    """ISO 4217 code."""
    inactive: Literal["share", "hold"] = "share"
    """Money of subscribers who played nothing: shared by the rule's own weights, or held in suspense."""
    unlisted: Literal["free", "leave-out", "refuse"] = "free"
    """Listeners without a subscription line: counted as paying nothing, left out, or refused."""


@dataclass(frozen=True, slots=True)
class Running:
    """How to run; nothing here changes a result."""

    memory: int | None = None
    """Bytes the engine may hold; None: half of what the machine has free."""
    threads: int | None = None
    """None: as many as there are processors to use."""
    batch_rows: int | None = None
    """Rows decoded at a time; None: chosen."""
    temp_dir: Path | None = None
    """Where partitions spill; None: the system's."""
    progress: Literal["auto", "plain", "none"] = "auto"
    """Progress on standard error."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What bears on listening between qualifying and the rule: a policy, and what listeners themselves state."""

    policy: str | None = None
    """The name of a policy that comes with fairpay, or a `.toml` file."""
    without: str | None = None
    """A threshold of the policy to leave out, to see what it moves."""
    history: Path | None = None
    """A file of user, artist and past plays."""
    kappa: Fraction = Fraction(20)
    """How many plays a listener's own past counts for."""
    wishes: Path | None = None
    """A file of user, artist, kind (gift, block, boost) and amount."""
    delegations: Path | None = None
    """A file of user, delegate and share."""
    viscosity: Fraction = Fraction(1, 2)
    """How much of delegated money is passed on at each step, from 0 to 99/100."""
    delegate_cap: Fraction = Fraction(10)
    """How many times the own fee a delegate may receive."""
