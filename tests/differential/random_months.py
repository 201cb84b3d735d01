"""Random small months: everything the command line takes, as plain values, and as files and arguments."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from oracle_rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

ARTISTS = ("10", "2", "A", "_x", "a", "aa", "é")
TITLES = ("Intro", "Outro", "t")
DIGITS = {"JPY": 0, "EUR": 2, "KWD": 3}


@dataclass(frozen=True)
class Row:
    """One line of a log."""

    user: str
    artist: str
    track: str = ""
    plays: int = 1
    ms: int = 0
    active: str = ""
    category: str = ""
    spatial: str = ""
    territory: str = ""


@dataclass(frozen=True)
class Weight:
    """Plays whose column holds one of the values count `times`."""

    column: str
    values: tuple[str, ...]
    times: Fraction
    min_seconds: int = 0


@dataclass(frozen=True)
class Limit:
    """A boost (with `times`) or a threshold (without)."""

    per: str
    streams: int
    listeners: int
    times: Fraction | None = None


@dataclass(frozen=True)
class Policy:
    """A policy; `preset` is the name under which it comes with the program."""

    rule: Rule
    measure: str | None = None
    weights: tuple[Weight, ...] = ()
    limits: tuple[Limit, ...] = ()
    preset: str = ""

    @property
    def toml(self) -> str:
        """As a file."""
        lines = ['title = "t"', 'source = "s"', f'rule = "{self.rule.text}"', "min_seconds = 30"]
        lines += [f'measure = "{self.measure}"'] if self.measure else []
        for i, weight in enumerate(self.weights):
            values = ", ".join(f'"{value}"' for value in weight.values)
            lines += ["[[weights]]", f'name = "w{i}"', f'column = "{weight.column}"', f"values = [{values}]"]
            lines += [f'times = "{weight.times}"', f"min_seconds = {weight.min_seconds}"]
        for i, limit in enumerate(self.limits):
            lines += ["[[thresholds]]" if limit.times is None else "[[boosts]]", f'name = "l{i}"']
            lines += [f'per = "{limit.per}"', f"streams = {limit.streams}", f"listeners = {limit.listeners}"]
            lines += [] if limit.times is None else [f'times = "{limit.times}"']
        return "\n".join(lines) + "\n"


SOUGHT = Weight("active", ("true", "1", "yes", "search", "playlist", "own playlist", "library"), Fraction(2))
NOISE = ("noise", "functional", "functional noise", "white noise")
SPATIAL = Weight("spatial", ("true", "1", "yes", "spatial", "dolby atmos", "atmos"), Fraction(11, 10))
PRESETS = (
    Policy(
        Rule("market-centric"),
        "plays",
        (Weight("category", NOISE, Fraction(1, 5), 120),),
        (Limit("track", 1000, 50),),
        "spotify-2024",
    ),
    Policy(
        Rule("user-cap", (("cap", "1000"),)),
        "plays",
        (SOUGHT, Weight("category", NOISE, Fraction(0))),
        (Limit("artist", 1000, 500, Fraction(2)),),
        "deezer-artist-centric",
    ),
    Policy(Rule("market-centric"), "plays", (SPATIAL,), (), "apple-spatial"),
    Policy(Rule("top-artist", (("share", "10%"),)), "plays", (), (), "tidal-direct"),
    Policy(Rule("user-centric"), None, (), (), "soundcloud-fan-powered"),
)


@dataclass(frozen=True)
class Month:
    """A month and everything stated about it."""

    rows: tuple[Row, ...]
    columns: frozenset[str]
    """Which of plays, ms, track, active, category, spatial and territory the log has."""
    rules: tuple[Rule, ...]
    money: str = "pool"
    """pool, fee or subscribers."""
    amount: int = 0
    """The pool or the fee, in minor units."""
    paid: dict[str, int] = field(default_factory=dict)
    """subscriber -> minor units."""
    rate: Fraction = Fraction(1)
    currency: str = "EUR"
    inactive: str = "share"
    unlisted: str = "free"
    measure: str | None = None
    min_seconds: int | None = None
    policy: Policy | None = None
    history: tuple[tuple[str, str, int], ...] = ()
    kappa: Fraction = Fraction(20)
    wishes: tuple[tuple[str, str, str, str], ...] = ()
    delegations: tuple[tuple[str, str, str], ...] = ()
    viscosity: Fraction = Fraction(1, 2)
    delegate_cap: Fraction = Fraction(10)
    decisions: tuple[tuple[str, str, str], ...] = ()
    """(user or artist, id, decision)."""

    def major(self, units: int) -> str:
        """An amount as it is written."""
        digits = DIGITS[self.currency]
        text = str(abs(units)).rjust(digits + 1, "0")
        return ("-" if units < 0 else "") + (f"{text[:-digits]}.{text[-digits:]}" if digits else text)

    def write(self, folder: Path) -> list[str]:
        """Write the files; return the arguments that state them, without command, rules and output."""
        logged = ["user", "artist", *sorted(self.columns - {"ms"}), *(["ms"] if "ms" in self.columns else [])]
        table(folder / "log.csv", logged, [[getattr(row, name) for name in logged] for row in self.rows])
        asked = [str(folder / "log.csv"), "--currency", self.currency, "--royalty-rate", str(self.rate)]
        if self.money == "subscribers":
            lines = [(user, self.major(paid)) for user, paid in self.paid.items()]
            table(folder / "subscribers.csv", ["user", "paid"], lines)
            asked += ["--subscribers", str(folder / "subscribers.csv")]
            asked += ["--inactive", self.inactive, "--unlisted", self.unlisted]
        else:
            asked += [f"--{self.money}", self.major(self.amount)]
        asked += self.stated(folder)
        asked += ["--measure", self.measure] if self.measure else []
        return asked + ([] if self.min_seconds is None else ["--min-seconds", str(self.min_seconds)])

    def stated(self, folder: Path) -> list[str]:
        """Write policy, layers and decisions; return the arguments that name them."""
        asked: list[str] = []
        if self.policy is not None:
            (folder / "policy.toml").write_text(self.policy.toml, encoding="utf-8")
            asked += ["--policy", self.policy.preset or str(folder / "policy.toml")]
        for name, header, lines in (
            ("history", "user,artist,plays", self.history),
            ("wishes", "user,artist,kind,amount", self.wishes),
            ("delegations", "user,delegate,share", self.delegations),
            ("decisions", "kind,subject,decision", self.decisions),
        ):
            if lines:
                table(folder / f"{name}.csv", header.split(","), lines)
                asked += [f"--{name}", str(folder / f"{name}.csv")]
        asked += ["--kappa", str(self.kappa)] if self.history else []
        if self.delegations:
            asked += ["--viscosity", str(self.viscosity), "--delegate-cap", str(self.delegate_cap)]
        return asked


def table(path: Path, header: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])


def every_rule(chance: random.Random) -> tuple[Rule, ...]:
    """Every rule, with parameters by chance."""

    def one(name: str, **choices: tuple[str, ...]) -> Rule:
        drawn = ((key.replace("_", "-"), chance.choice(values)) for key, values in choices.items())
        return Rule(name, tuple((key, value) for key, value in drawn if value))

    return (
        one("market-centric"),
        one("user-centric"),
        one("equal-split"),
        one("bounded", force=("cap",), b=("1", "9/10", "1/2", ""), allow_unsafe=("yes",)),
        one("bounded", force=("smooth",), b=("1/2", "0.8", ""), allow_unsafe=("yes",)),
        one("bounded", force=("bayes",), b=("1/2", "0.7", ""), allow_unsafe=("yes",)),
        one("user-cap", cap=("1", "5", "1000"), tail=("0", "1/2", "")),
        one("weighted", beta=("", "0", "1", "1/3", "3/4")),
        one("norm", p=("", "1", "inf", "3", "3/2")),
        one("top-artist", share=("", "0", "100%", "1/3")),
        one("geometric-median"),
        one("independent-markets"),
        one("median"),
    )


MIXABLE = ("market-centric", "user-centric", "equal-split", "user-cap:cap=5", "top-artist", "weighted", "uniform",
           "artist-cap:cap=3", "artist-growth:above=2;values=1/2")  # fmt: skip


def of_sums(chance: random.Random) -> tuple[Rule, ...]:
    """Rules by artists' sums, and two rules in one."""
    bands = chance.choice([("5", "1/2"), ("1+7+200", "3/4+1/3+0"), ("100000", "0.9")])
    return (
        Rule("uniform"),
        Rule("artist-growth", tuple(zip(("above", "values"), bands, strict=True))),
        Rule("artist-cap", (("cap", chance.choice(["1", "4", "250"])),)),
        Rule(
            "mix", (("rules", "+".join(chance.sample(MIXABLE, 2))), ("share", chance.choice(["1/2", "0", "1", "2/7"])))
        ),
    )


def random_month(seed: int) -> Month:
    """A month from a seed."""
    month = with_listening(seed)
    more = of_sums(random.Random(-seed - 1))  # noqa: S311 - examples, not secrets
    return replace(month, rules=(*month.rules, *more))


def with_listening(seed: int) -> Month:
    """A month from a seed, under most rules."""
    chance = random.Random(seed)  # noqa: S311 - examples, not secrets
    columns = chance.choice([{"plays"}, {"ms"}, {"plays", "ms"}, set()])
    columns = columns | {name for name in ("track", "active", "category", "spatial") if chance.random() < 0.4}
    users = [f"u{i}" for i in range(chance.randint(1, 6))]
    artists = chance.sample(ARTISTS, chance.randint(1, 5))
    rows = tuple(random_row(chance, users, artists, columns) for _ in range(chance.randint(1, 14)))
    month = Month(rows, frozenset(columns), every_rule(chance))
    month = with_money(chance, replace(month, measure=chance.choice([None, None, "plays"])), users)
    if chance.random() < 0.3:
        month = replace(month, min_seconds=chance.choice([0, 29, 30, 31]))
    if chance.random() < 0.3:
        policy = chance.choice([random_policy(chance), random_policy(chance), chance.choice(PRESETS)])
        month = replace(month, policy=policy)
    if chance.random() < 0.4:
        month = with_layers(chance, month, artists)
    return with_decisions(chance, month) if chance.random() < 0.25 else month


def random_row(chance: random.Random, users: Sequence[str], artists: Sequence[str], columns: set[str]) -> Row:
    """A line; lengths lie about the qualifying length, so that the mean per play decides."""
    plays = chance.choice([1, 1, 1, 2, 3, 7, 150, 2000]) if "plays" in columns else 1
    length = chance.choice([0, 29_999, 30_000, 30_001, 60_000, 120_000, 200_123])
    return Row(
        chance.choice(users),
        chance.choice(artists),
        chance.choice(TITLES),
        plays,
        length * plays + chance.choice([0, 0, 1]) if "ms" in columns else 0,
        chance.choice(["search", "radio", ""]),
        chance.choice(["noise", "music", "Music"]),
        chance.choice(["atmos", "", "no"]),
    )


def with_money(chance: random.Random, month: Month, users: Sequence[str]) -> Month:
    """State the money in one of the three ways."""
    digits = chance.choice(sorted(DIGITS))
    month = replace(
        month,
        currency=digits,
        money=chance.choice(["pool", "fee", "subscribers"]),
        rate=chance.choice([Fraction(1), Fraction(7, 10), Fraction(1, 2), Fraction(2, 3)]),
    )
    if month.money == "pool" and month.rate == 1:
        # With a pool alone nobody knows what was paid, and `bounded` asks for the royalty rate.
        month = replace(month, rate=Fraction(4, 5))
    if month.money != "subscribers":
        return replace(month, amount=chance.choice([1, 13, 999, 1333, 99_999, 1_000_000]))
    payers = [user for user in [*users, "idle1", "idle2"] if chance.random() < 0.8] or ["u0"]
    paid = {user: chance.choice([0, 1, 5, 999, 999, 999, 1499, 99_999]) for user in payers}
    return replace(
        month, paid=paid, inactive=chance.choice(["share", "hold"]), unlisted=chance.choice(["free", "leave-out"])
    )


def random_policy(chance: random.Random) -> Policy:
    """Weights, boosts and thresholds whose numbers small months reach now and then."""
    weights = [
        Weight("active", ("search",), chance.choice([Fraction(2), Fraction(1, 3)])),
        Weight("category", ("noise",), chance.choice([Fraction(0), Fraction(1, 5)]), chance.choice([0, 0, 120])),
        Weight("spatial", ("atmos", "yes"), Fraction(11, 10)),
    ]
    limits = [
        Limit(
            chance.choice(["artist", "track"]),
            chance.choice([1, 2, 3, 7, 100]),
            chance.choice([0, 1, 2]),
            chance.choice([None, Fraction(2), Fraction(3, 2)]),
        )
        for _ in range(chance.randint(0, 2))
    ]
    kept = tuple(weight for weight in weights if chance.random() < 0.5)
    measure = chance.choice([None, "plays"])
    before = (Rule("user-cap", (("cap", "5"), ("boosts", "before"))),) if measure else ()
    return Policy(chance.choice([*every_rule(chance), *before, *before]), measure, kept, tuple(limits))


def with_layers(chance: random.Random, month: Month, artists: Sequence[str]) -> Month:
    """History, wishes and, where subscribers paid, delegations."""
    users = sorted({row.user for row in month.rows})
    if chance.random() < 0.6:
        past = tuple((chance.choice(users), chance.choice([*artists, "H"]), chance.randint(0, 9)) for _ in range(4))
        kappa = chance.choice([Fraction(0), Fraction(5), Fraction(20), Fraction(1, 3)])
        month = replace(month, history=past, kappa=kappa)
    if chance.random() < 0.6:
        wished: dict[tuple[str, str], tuple[str, str]] = {}
        for _ in range(chance.randint(1, 4)):
            kind = chance.choice(["gift", "block", "boost"])
            amount = {"gift": ("10%", "1/3", "0.2"), "block": ("",), "boost": ("2", "1/2", "3")}[kind]
            wished.setdefault((chance.choice(users), chance.choice([*artists, "G"])), (kind, chance.choice(amount)))
        lines = [(*who, *what) for who, what in wished.items()]
        month = replace(month, wishes=tuple(line for i, line in enumerate(lines) if few_gifts(lines[: i + 1], line)))
    payers = sorted(month.paid)
    if month.money == "subscribers" and len(payers) > 2 and chance.random() < 0.6:
        edges: dict[tuple[str, str], str] = {}
        for _ in range(chance.randint(1, 4)):
            giver, taker = chance.sample(payers, 2)
            if sum(1 for one, _ in edges if one == giver) < 2:
                edges[giver, taker] = chance.choice(["1/2", "30%", "0.5"])
        month = replace(
            month,
            delegations=tuple((*edge, share) for edge, share in edges.items()),
            viscosity=chance.choice([Fraction(1, 2), Fraction(9, 10), Fraction(0)]),
            delegate_cap=chance.choice([Fraction(10), Fraction(1, 2), Fraction(1)]),
        )
    return month


def few_gifts(lines: Sequence[tuple[str, str, str, str]], line: tuple[str, str, str, str]) -> bool:
    """Whether a wish is one that a listener may have beside the earlier ones: three gifts may be more than all."""
    return line[2] != "gift" or sum(1 for user, _, kind, _ in lines if (user, kind) == (line[0], "gift")) <= 3


def with_decisions(chance: random.Random, month: Month) -> Month:
    """Decisions about users and artists of the log."""
    subjects = sorted({("user", row.user) for row in month.rows} | {("artist", row.artist) for row in month.rows})
    drawn = chance.sample(subjects, min(len(subjects), chance.randint(1, 3)))
    decided = ("keep", "hold", "exclude", "weight 0.5", "weight 1/3")
    return replace(month, decisions=tuple((*subject, chance.choice(decided)) for subject in drawn))
