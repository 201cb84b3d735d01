"""People with tastes of their own: scenes, friends, playlists, releases, time zones; and those who look odd."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import UsageError
from fairpay.synth.calendar import PEOPLE, Hours, Rhythm
from fairpay.synth.catalogue import COUNT, GENRES, MOST_TRACKS, OLD_TRACKS, PLAYLIST, PLAYLISTS, Scenes
from fairpay.synth.draws import below, draw, lognormal_steps, stream
from fairpay.synth.listeners import DAYS, KINDS, LATE_HOURS, PODCASTS, SPREAD, STEPS, PlantKind, by_order, plain
from fairpay.synth.plays import Cohort, MadeMonth, Mark, World
from fairpay.synth.tables import COUNTRIES, picked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.synth.listeners import Plant
    from fairpay.synth.plays import Choice, Slots

__all__ = ["INNOCENT", "ODD", "make_month"]

ONE = 1 << 16
RUN = 6
"""So many plays one after another come from the same: a playlist, a release, an album, or artists one likes."""
CIRCLES = 0.6
"""The part of people who belong to a circle of friends."""
SHARED = 16
"""Artists of a circle; one artist in four that its people like is of these."""
ELSEWHERE = 6_000
"""Of 2^16 plays of artists one likes, those of others, tried once."""
FRESH = (14_000, 12_000, 9_000, 6_000, 4_000, 3_000, 2_500)
"""Of 2^16 plays, those of new releases on a Friday and the days after it, of somebody who cares about as many do."""
PLAYED = 380
"""Plays of a user in the month of which the odd have as many as ODD says; where users play less, so do they."""
ZONES = {"DE": [23], "FR": [23], "GB": [0], "SE": [23], "NO": [23], "JP": [15], "BR": [3], "US": [4, 5, 5, 6, 7, 7, 7]}
"""country -> by how many hours its days are later than UTC's; a country of which nothing is said has one drawn."""
LEAST_DAYS, MOST_DAYS = 14_000, 50_000
"""Of 2^16 days, those on which people listen who listen least, and those on which somebody fakes beside a life."""
UNEVEN = 0.6
"""Sigma of the log-normal of what a person plays on such a day."""
SITTING = 9
MEMBERS = 4
"""People on the account of a family, beside one, at most."""
FOLLOWED = 20
"""Plays that somebody who follows a plant's list gives it in a month, in the mean."""

ABED = Hours((110,) * 6 + (54,) + (0,) * 15 + (90, 220))
OPEN = Hours((0,) * 8 + (73,) * 12 + (74,) * 2 + (0,) * 2)


@dataclass(frozen=True, kw_only=True)
class OddKind:
    """People who look odd and are in order; what they do beside their own listening is said as of plants."""

    share: float
    """Of all accounts."""
    plays: int
    """Plays a day, in the mean of the month."""
    habit: PlantKind
    rhythm: Rhythm


ODD = {
    "fan": OddKind(
        # a streaming party: friends and fans play one release from Friday to Sunday, as much as they can
        share=0.008, plays=9, rhythm=Rhythm(uneven=0.3),
        habit=PlantKind(artist="", hours=PEOPLE, artists=1, tracks=8, before=OLD_TRACKS, seconds=None, sitting=40),
    ),
    "sleeper": OddKind(
        # the same quiet music all night
        share=0.004, plays=100, rhythm=Rhythm(active=55_000, uneven=0.1),
        habit=PlantKind(artist="", hours=ABED, artists=20, tracks=3, seconds=None, sitting=10, cell=1, each=1),
    ),
    "cafe": OddKind(
        # a shop that plays a list of its chain's all day
        share=0.002, plays=180, rhythm=Rhythm(active=60_000, uneven=0.1),
        habit=PlantKind(
            artist="", hours=OPEN, artists=1, tracks=1, seconds=None, sitting=12, camouflage=ONE, cell=3, listed=400
        ),
    ),
}  # fmt: skip
FAMILIES = 0.03
"""The part of accounts on which two to five people listen."""
INNOCENT = ("person", "family", *ODD)
"""What the truth calls those who fake nothing."""


@dataclass(frozen=True)
class People:
    """Tastes, int64[people] each."""

    scenes: Scenes
    circle: Ints
    """Of which circle of friends; -1: of none."""
    home: Ints
    """The scene one is at home in: friends mostly in the same."""
    traits: NDArray[np.uint64]
    favourites: Ints
    """Artists one comes back to."""

    @classmethod
    def of(cls, scenes: Scenes, circle: Ints, activity: Ints) -> People:
        """Draw the tastes of people, of whom is known how much they listen (one of STEPS)."""
        who = np.arange(len(circle))
        traits = draw(stream(scenes.seed, "person"), who)
        alone = (circle < 0) | (below(traits, 4, offset=48) == 0)
        home = np.where(
            alone, scenes.home(draw(stream(scenes.seed, "home"), who)), scenes.home(friends(scenes, circle))
        )
        favourites = 6 + below(traits, lognormal_steps(STEPS, median=30, sigma=SPREAD / 2)[activity], offset=32)
        return cls(scenes, circle, home, traits, favourites)


def friends(scenes: Scenes, circle: Ints) -> NDArray[np.uint64]:
    """Draw the scene of circles."""
    return draw(stream(scenes.seed, "circle"), circle + 1)


def by_taste(slots: Slots, *, world: World, people: People, taste: Ints, first: int) -> Choice:
    """Choose as people do, `taste` says of whom the taste is: from playlists, what is new, and what they like."""
    who, seed, scenes = taste[slots.user - first], world.seed, people.scenes
    run = draw(stream(seed, "run"), slots.user, slots.number // RUN)
    bits = draw(stream(seed, "choice"), slots.user, slots.number)
    day = slots.window // world.calendar.parts
    friday = (day + world.calendar.first.weekday() + 3) // 7
    age = (day + world.calendar.first.weekday() + 3) % 7
    traits, home = people.traits[who], people.home[who]
    fresh = np.array(FRESH)[age] * below(traits, 32, offset=16) >> 4
    lists = below(traits, 40_000)
    source = below(run, ONE)
    artist, track = liked(slots.number, run, bits, who, people)
    new = source < fresh
    at = np.flatnonzero(new)
    charts = below(bits[at], 3) == 0
    week = friday[at] - (below(bits[at], 5, offset=16) == 0)
    played = draw(stream(seed, "new"), bits[at])
    artist[at], track[at] = scenes.released(np.where(charts, COUNT, home[at]), week + 1, played)
    at = np.flatnonzero(~new & (source < fresh + lists))
    follows = draw(stream(seed, "follows"), who[at], below(run[at], 1 + below(traits[at], 4, offset=32), offset=32))
    scene = np.where(below(follows, 3) == 0, COUNT, home[at])
    place = (below(run[at], PLAYLIST, offset=48) + slots.number[at] % RUN) % PLAYLIST
    artist[at], track[at] = scenes.listed(scene * PLAYLISTS + below(follows, PLAYLISTS, offset=16), place, friday[at])
    bits = draw(stream(seed, "heard"), slots.user, slots.number)
    ms = heard(bits, scenes.catalogue.length(track), 3_000 + below(traits, 24_000, offset=48))
    podcast = below(bits, ONE, offset=48) < PODCASTS
    ms[podcast] *= 6
    artist[podcast] = -1
    return artist, track, ms


def liked(
    number: Ints, run: NDArray[np.uint64], bits: NDArray[np.uint64], who: Ints, people: People
) -> tuple[Ints, Ints]:
    """Choose among what people like: artists, or an album from one track to the next; int64[n] each."""
    scenes, album = people.scenes, below(run, 4, offset=16) == 0
    pick = np.where(album, run, bits)
    own = below(pick, below(pick, people.favourites[who], offset=32), offset=16)
    devoted = (people.traits[who] & np.uint64(127) == 0) & (below(pick, 4, offset=48) > 0)
    own[devoted] = 0
    elsewhere = ~devoted & (below(bits, ONE, offset=48) < ELSEWHERE)
    own[elsewhere] = number[elsewhere] + (1 << 32)
    likes = draw(stream(scenes.seed, "favourite"), who, own)
    home, circle = people.home[who], people.circle[who]
    shared = np.flatnonzero((circle >= 0) & ~elsewhere & (below(likes, 4, offset=32) == 0))
    home[shared] = scenes.home(friends(scenes, circle[shared]))
    likes[shared] = draw(stream(scenes.seed, "shared"), circle[shared], below(likes[shared], SHARED, offset=8))
    artist = scenes.liked(likes, home)
    track = scenes.catalogue.track(bits, artist, offset=32)
    at = np.flatnonzero(album)
    step = below(run[at], OLD_TRACKS, offset=40) + number[at] % RUN
    track[at] = artist[at] * MOST_TRACKS + step % scenes.catalogue.tracks[artist[at]]
    return artist, track


def heard(bits: NDArray[np.uint64], length: Ints, skipped: Ints) -> Ints:
    """How much of each track is heard: most to the end, some a few seconds (`skipped` of 2^16), one in nine a part."""
    kind = below(bits, ONE)
    few = 1000 + below(bits, below(bits, 29_000, offset=16), offset=32)
    part = 30_000 + below(bits, np.maximum(length - 30_000, 1), offset=16)
    return np.where(kind < skipped, few, np.where(kind < skipped + ONE // 9, part, length))


class Crowd:
    """A month put together: those who listen on the same account one upon another."""

    def __init__(self, world: World, *, users: int, rows: int, countries: Mapping[str, float]) -> None:
        """Draw what accounts are and what people like; nobody listens yet."""
        self.world, self.seed, self.countries = world, world.seed, countries
        self.scale = min(1.0, rows / users / PLAYED)
        self.users, self.listeners = users, 0
        self.scenes = Scenes.among(world.catalogue, seed=world.seed)
        self.cohorts: list[Cohort] = []
        order = np.argsort(draw(self.stream("order"), np.arange(users)), kind="stable")
        share = {"fan": ODD["fan"].share, "": 0.0, "family": FAMILIES, "sleeper": ODD["sleeper"].share}
        share["cafe"] = ODD["cafe"].share
        size = {name: round(users * part) for name, part in share.items()}
        size[""] = users - sum(size.values())
        roles = dict(zip(size, np.split(order, np.cumsum(list(size.values()))[:-1]), strict=True))
        self.free = roles.pop("")
        self.free = self.free[np.argsort(draw(self.stream("free"), self.free), kind="stable")]
        self.roles = {name: np.sort(accounts) for name, accounts in roles.items()}
        circle = circles(order[: int(users * CIRCLES)], users, self.seed)
        self.marks = [Mark("person", np.flatnonzero(circle >= 0), circle[circle >= 0])]
        self.marks += [Mark(name, of, self.belonging(name, of)) for name, of in self.roles.items()]
        family = self.roles["family"]
        more = np.repeat(family, 1 + below(draw(self.stream("family"), family), MEMBERS))
        self.person = np.sort(np.concatenate([order[: users - size["cafe"]], more]))
        self.activity = below(draw(self.stream("activity"), np.arange(len(self.person))), STEPS)
        first = np.diff(self.person, prepend=-1) > 0
        self.people = People.of(self.scenes, np.where(first, circle[self.person], -1), self.activity)

    def stream(self, purpose: str) -> np.uint64:
        """Return where the draws of a purpose begin."""
        return stream(self.seed, purpose)

    @property
    def rows(self) -> int:
        """Plays so far."""
        return sum(int(cohort.total.sum()) for cohort in self.cohorts)

    def shift(self, accounts: Ints) -> Ints:
        """By how many hours the days of accounts are later than UTC's: int64[n]."""
        late = [
            np.array(ZONES.get(name) or [int(draw(stream(0, name), np.zeros(1, np.int64))[0] % np.uint64(24))])
            for name in self.countries
        ]
        some = below(draw(self.stream("zone"), accounts), np.array([len(one) for one in late])[self.country(accounts)])
        return np.array([np.resize(one, 8) for one in late])[self.country(accounts), some]

    def country(self, accounts: Ints) -> Ints:
        """Number the countries of accounts: int64[n]."""
        return picked(self.seed, "country", self.countries, accounts)

    @staticmethod
    def belonging(name: str, accounts: Ints) -> Ints:
        """Say which of the odd belong together: int64[n]."""
        alone, number = np.full(len(accounts), -1), np.arange(len(accounts))
        return {"fan": number * 0, "cafe": number // ODD["cafe"].habit.cell}.get(name, alone)

    def add(  # noqa: PLR0913 - told apart by name
        self,
        accounts: Ints,
        total: Ints,
        choose: Callable[..., Choice],
        late: Ints,
        *,
        rhythm: Rhythm,
        habit: PlantKind | None = None,
    ) -> None:
        """Let one listen on each account, as people or as a habit says."""
        hours, sitting = (PEOPLE, SITTING) if habit is None else (habit.hours, habit.sitting)
        choose = partial(choose, world=self.world, first=self.listeners)
        self.cohorts.append(
            Cohort(self.world, self.listeners, total, hours, sitting, choose, late % 24, rhythm, accounts)
        )
        self.listeners += len(accounts)

    def add_people(self, taste: Ints, accounts: Ints) -> None:
        """Let people, or others of their taste, listen for themselves as much as these do."""
        total, activity = self.total[taste], self.activity[taste]
        late = self.shift(accounts) + LATE_HOURS[below(draw(self.stream("late"), taste), len(LATE_HOURS))]
        choose = partial(by_taste, people=self.people, taste=taste)
        rhythm = Rhythm(LEAST_DAYS + activity * (ONE - LEAST_DAYS) // STEPS, UNEVEN)
        self.add(accounts, total, choose, late, rhythm=rhythm)

    def add_everybody(self, rows: int) -> None:
        """Let the people listen, so that all come to `rows` plays; listening per person is log-normal."""
        until = np.cumsum(lognormal_steps(STEPS, median=1000, sigma=SPREAD)[self.activity])
        self.total = np.diff(np.floor(until / until[-1] * (rows - self.rows)).astype(np.int64), prepend=0)
        self.add_people(np.arange(len(self.person)), self.person)

    def listen(self, rows: int, planted: Sequence[tuple[Plant, Ints]]) -> None:
        """Let everybody listen: the odd, who come by a plant's list, people, so that all come to `rows`, and plants."""
        for name in ODD:
            self.add_odd(name)
        for plant, targets in planted:
            if KINDS[plant.kind].followers:
                self.add_followers(plant, targets)
        self.add_everybody(rows)
        for plant, targets in planted:
            self.add_plant(plant, targets)

    def add_odd(self, name: str) -> None:
        """Let some do what is odd and in order."""
        kind, accounts = ODD[name], self.roles[name]
        each = int(kind.plays * self.world.calendar.days * self.scale)
        total = each * 3 // 4 + below(draw(self.stream(name), accounts), each // 2)
        choose = partial(by_order, kind=kind.habit, targets=self.targets(name))
        self.add(accounts, total, choose, self.shift(accounts), rhythm=self.rhythm(name), habit=kind.habit)

    def targets(self, name: str) -> Ints:
        """Whom the odd play: a famous artist, or famous ones of quiet music."""
        if name == "sleeper":
            quiet = np.flatnonzero(self.world.catalogue.genre == list(GENRES).index("ambient"))
            return quiet[: ODD[name].habit.artists] if len(quiet) else np.zeros(1, np.int64)
        return self.scenes.artist(draw(self.stream("party"), np.zeros(1, np.int64)), np.full(1, COUNT))

    def rhythm(self, name: str) -> Rhythm:
        """When the odd listen: the party is on the weekend of the second Friday."""
        if name != "fan":
            return ODD[name].rhythm
        friday = 7 + (4 - self.world.calendar.first.weekday()) % 7
        return replace(ODD[name].rhythm, since=friday, until=friday + 3)

    def take(self, count: int, wanted: str) -> Ints:
        """Take accounts of people who are nothing else: int64[count].

        Raises:
            UsageError: there are fewer.

        """
        if count > len(self.free):
            message = f"{wanted} needs the accounts of {count:,} people, and {len(self.free):,} are left"
            raise UsageError(message, advice="Plant fewer, or make more --users.")
        taken, self.free = np.sort(self.free[:count]), self.free[count:]
        return taken

    def add_followers(self, plant: Plant, targets: Ints) -> None:
        """Let people play a plant's list a little."""
        kind = KINDS[plant.kind]
        some = np.sort(self.free[-plant.accounts * kind.followers :])
        habit = replace(kind, cell=kind.cell * kind.followers)
        total = 1 + below(draw(self.stream(f"{plant.kind} followed"), some), int(2 * FOLLOWED * self.scale))
        choose = partial(by_order, kind=habit, targets=targets)
        self.add(
            some, total, choose, self.shift(some), rhythm=Rhythm(LEAST_DAYS, UNEVEN), habit=replace(habit, hours=PEOPLE)
        )

    def add_plant(self, plant: Plant, targets: Ints) -> None:
        """Let fakes play `targets`, on accounts of their own or of people."""
        kind, total = KINDS[plant.kind], np.full(plant.accounts, plant.plays * self.world.calendar.days)
        if kind.life == "own":
            accounts = self.take(plant.accounts, plant.kind)
        else:
            accounts = np.arange(plant.accounts) + self.users
            self.users += plant.accounts
        if kind.life == "copied":
            drawn = draw(self.stream(f"{plant.kind} copied"), accounts)
            self.add_people((drawn % np.uint64(len(self.person))).astype(np.int64), accounts)
        late = self.shift(accounts) if kind.life else np.zeros_like(accounts)
        since = below(draw(self.stream("begins"), accounts), kind.begins)
        rhythm = Rhythm(MOST_DAYS, UNEVEN, since) if kind.life else Rhythm()
        self.add(accounts, total, partial(by_order, kind=kind, targets=targets), late, rhythm=rhythm, habit=kind)
        self.marks.append(plant.mark(accounts))


def make_month(  # noqa: PLR0913 - the sizes of a month are told apart by name
    rows: int,
    plants: Sequence[Plant],
    *,
    users: int,
    artists: int,
    seed: int,
    month: str,
    realistic: bool,
    countries: Mapping[str, float] | None = None,
) -> MadeMonth:
    """Make people with `rows` plays in all, of one kind or (`realistic`) with tastes of their own, and plants on top.

    Raises:
        UsageError: when `month` is not a month, or a plant needs more people than there are.

    """
    expected = rows + sum(plant.accounts * plant.plays * DAYS for plant in plants)
    world = World.of(month, rows=expected, artists=artists, seed=seed)
    ends = artists + np.cumsum([plant.artists for plant in plants], dtype=np.int64)
    planted = [(plant, np.arange(end - plant.artists, end)) for plant, end in zip(plants, ends, strict=True)]
    if realistic:
        crowd = Crowd(world, users=users, rows=rows, countries=countries or COUNTRIES)
        crowd.listen(rows, planted)
        cohorts, marks = crowd.cohorts, crowd.marks
    else:
        cohorts, marks = plain(world, planted, users=users, rows=rows)
    return MadeMonth(tuple(cohorts), tuple(name for plant in plants for name in plant.names), tuple(marks))


def circles(members: Ints, users: int, seed: int) -> Ints:
    """Put people in circles of three to twelve friends: int64[users], -1 for those in none."""
    size = 3 + below(draw(stream(seed, "circle size"), np.arange(len(members) // 3 + 1)), 10)
    circle = np.full(users, -1)
    circle[members] = np.searchsorted(np.cumsum(size), np.arange(len(members)), side="right")
    return circle
