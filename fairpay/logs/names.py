"""The names real logs give their columns, and which column of a log is what: as named by the user, else by these.

To teach fairpay a new log, add its name to the right line.

A name is matched without regard to case, spaces, `_`, `-`, `#` and a `:type` at its end; a dot goes into JSON objects.
The first name of a line that a log has is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from fairpay.errors import InputError, UsageError
from fairpay.settings.options import ROLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from fairpay.settings.values import Reading

__all__ = [
    "ARTIST_ID",
    "ARTIST_NAME",
    "KNOWN",
    "OWN",
    "PAID",
    "PLAYED_ONLY",
    "SPOKEN",
    "TOTALS",
    "Columns",
    "agree",
    "answering",
    "check_roles",
    "find_columns",
    "has_artist",
    "holds_podcasts",
    "meaning_of",
    "normal",
    "number_columns",
    "recognised",
    "refuse_duplicates",
    "spellings",
    "statement_of",
    "tells_plays",
]

KNOWN: dict[str, tuple[str, ...]] = {
    "user": (
        "user_id", "user", "listener_id", "listener", "subscriber_id", "subscriber", "customer_id", "customer",
        "account_id", "account", "member_id", "profile_id", "user_name", "user_mboxsha1", "msno", "user.id",
        "user.user_id", "user.name",
    ),
    "artist": (
        "artist_id", "artist_uri", "artist", "artist_name", "master_metadata_album_artist_name", "performer",
        "artist_credit_id", "container_artist_name", "album_artist", "artists", "artist_names", "artist.id",
        "artist.name", "artists.id", "artists.name", "track_metadata.artist_name", "track.artist_id", "track.artist",
        "track.artist_name", "track.artists", "track.artists.name", "artists.aliases.alias",
        "subtitles.name", "track_description",
    ),
    "plays": (
        "plays", "play_count", "streams", "stream_count", "listens", "listen_count", "scrobbles", "count", "weight",
    ),
    "ms": (
        "ms_played", "played_ms", "ms", "ms_listened", "listened_ms", "milliseconds", "milliseconds_played",
        "play_duration_milliseconds", "play_duration_ms", "stream_duration_ms",
    ),
    "seconds": (
        "seconds", "seconds_played", "played_seconds", "seconds_listened", "listened_seconds", "play_seconds",
        "listening_time", "total_secs",
    ),
    "time": (
        "ts", "timestamp", "listened_at", "played_at", "uts", "time_ms", "end_time", "event_end_timestamp", "time",
        "date_time", "datetime", "event_start_timestamp", "utc_time", "date", "date_played", "entry_date",
    ),
    "track": (
        "track_id", "track_uri", "spotify_track_uri", "isrc", "recording_mbid", "song_id", "track", "track_name",
        "master_metadata_track_name", "song", "song_name", "song_title", "title", "track_metadata.track_name",
        "track.title", "track.aliases.alias", "track_identifier",
    ),
    "country": ("country", "country_code", "conn_country", "territory", "store_country_name"),
    "plan": ("plan", "level", "offering", "subscription_type", "product"),
    "currency": ("currency", "currency_code"),
    "active": ("active",),
    "category": ("category",),
    "spatial": ("spatial",),
    "context": ("context", "play_context", "stream_context"),
    "reason_end": ("reason_end",),
    "track_ms": ("track_ms", "track_duration_ms", "track_length_ms", "duration_ms"),
}  # fmt: skip
"""role -> names, the best first. `length`, `duration` and `duration_ms` are lengths of tracks, not time listened.
Only the last says its unit."""

PAID = ("paid", "amount_paid", "paid_amount", "fee", "subscription_fee", "amount", "price", "net_amount", "revenue")
"""What a subscriber paid, in a file of subscribers; the user as above."""
ARTIST_ID = ("artist_id", "id", "artist_uri", "artist")
"""The artist, in a file of artists."""
ARTIST_NAME = ("name", "artist_name", "artist", "title")
"""Its name there, where that is another column."""


class PlayedOnly(NamedTuple):
    """In logs of one kind, only rows with certain words in a column are plays."""

    column: str
    words: frozenset[str]
    among: frozenset[str]
    """Columns that tell this kind of log; all must be there."""


PLAYED_ONLY = (
    PlayedOnly("rating", frozenset({"L"}), frozenset({"tracknum", "length"})),  # Rockbox, Audioscrobbler 1.1
    PlayedOnly("event", frozenset({"scrobble"}), frozenset({"mediaplayerpackage"})),  # Pano Scrobbler
    PlayedOnly("page", frozenset({"NextSong"}), frozenset({"iteminsession"})),  # Sparkify
    PlayedOnly("eventtype", frozenset({"PLAY_END"}), frozenset({"playdurationmilliseconds"})),  # Apple Music
    PlayedOnly("mediatype", frozenset({"AUDIO"}), frozenset({"playdurationmilliseconds"})),
    PlayedOnly("header", frozenset({"YouTube Music"}), frozenset({"titleurl"})),  # YouTube Takeout
)


def normal(name: str) -> str:
    """Bring a column name to the form in which names are compared."""
    return re.sub(r"[^\w.]|_", "", name.split(":", maxsplit=1)[0].casefold())


def answering(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the columns that answer to the first known name that there is: none, one, or several that are alike."""
    by_normal: dict[str, list[str]] = {}
    for name in names:
        by_normal.setdefault(normal(name), []).append(name)
    return next((by_normal[normal(name)] for name in known if normal(name) in by_normal), [])


HELD: dict[str, tuple[str, str, frozenset[str]]] = {
    "artist": (
        "ids",
        "names",
        frozenset({"artistid", "artisturi", "artistcreditid", "artist.id", "artists.id", "track.artistid"}),
    ),
    "track": (
        "ids",
        "names",
        frozenset({"trackid", "trackuri", "spotifytrackuri", "isrc", "recordingmbid", "songid", "trackidentifier"}),
    ),
    "user": ("names", "ids", frozenset({"username", "user.name"})),
}
"""role -> what columns of some names hold, what those of the other known names hold, the names in their normal form."""


def meaning_of(role: str, column: str) -> str:
    """Say what a column holds that was taken for a role, in a word for messages: files may not differ in it."""
    if role not in HELD:
        return role
    what, other, names = HELD[role]
    return what if normal(column) in names else other


def spellings(names: Sequence[str]) -> list[str]:
    """Return the names, as their last part is usually spelt, of which one would be taken before those there are.

    Args:
        names: the columns there are.

    """
    found = {normal(name) for name in names}
    wanted = [rule.column for rule in PLAYED_ONLY if rule.among <= found | {rule.column}]
    wanted += [name for name in SPOKEN if normal(name) not in found]
    for known in KNOWN.values():
        place = next((i for i, name in enumerate(known) if normal(name) in found), len(known))
        wanted += known[: place + 1]
    parts = {name.rsplit(".", 1)[-1] for name in wanted}
    return sorted({name.replace("_", mark) for name in parts for mark in ("_", "-", " ", "")})


STATEMENTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("DistroKid", frozenset({"reportingdate", "salemonth", "store", "quantity"})),
    ("TuneCore", frozenset({"salesperiod", "postedperiod", "storename"})),
    ("CD Baby", frozenset({"reportdate", "salesdate", "partnername"})),
    ("DDEX", frozenset({"servicedescription", "usagetype", "netrevenue"})),
)
MONEY = frozenset({
    "earnings", "earningsusd", "netrevenue", "totalearned", "subtotal", "netpayable", "royalty", "royaltyamount",
    "payableamount", "totalroyalty", "grossrevenue", "netsales", "unitprice", "priceperunit", "revenue",
    "songwriterroyaltieswithheld",
})  # fmt: skip
SOLD = frozenset({
    "quantity", "units", "unitssold", "store", "storename", "retailer", "dsp", "partnername", "saletype", "salestype",
    "transactiontype", "upc", "salesperiod", "salemonth", "statementperiod", "countryofsale",
})  # fmt: skip


def statement_of(names: Sequence[str]) -> str | None:
    """Name whose sales statement a table is, by its columns; None for one that is not known to be one.

    A statement has money earned beside what was sold where, and no listener.
    """
    found = {normal(re.sub(r"\(.*?\)", "", name)) for name in names}
    if found & {normal(name) for name in KNOWN["user"]}:
        return None
    for who, marks in STATEMENTS:
        if len(marks & found) >= min(3, len(marks)):
            return who
    return "a distributor" if found & MONEY and len(found & SOLD) > 1 else None


SPOKEN = (
    "episode_name", "episode_show_name", "spotify_episode_uri", "audiobook_title", "audiobook_uri",
    "audiobook_chapter_title", "audiobook_chapter_uri",
)  # fmt: skip
"""Columns that have a value in rows of a podcast or an audiobook."""
TOTALS = (
    "total", "totals", "total:", "grand total", "subtotal", "sub-total", "sum", "summe", "gesamt", "gesamtsumme",
    "totale", "totaal", "suma", "итого",
)  # fmt: skip
"""What stands where an id should in the last line of a spreadsheet, in small letters."""
PODCASTS = (
    frozenset({"podcastname", "episodename"}),
    frozenset({"podcast", "episode"}),
    frozenset({"audiobooktitle", "audiobookchaptertitle"}),
)


def holds_podcasts(names: Sequence[str]) -> bool:
    """Whether a personal export without artists is known to hold podcasts or audiobooks."""
    found = {normal(name) for name in names}
    return not answering(names, KNOWN["artist"]) and any(marks <= found for marks in PODCASTS)


DURATION = ("ms", "seconds")
MEASURED = ("plays", *DURATION)
OWN = "by "
"""Stands before the name of a column that is wanted for itself, where other columns stand under their roles."""
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Columns:
    """What was found in the columns of one file."""

    roles: dict[str, str]
    """role -> column name."""
    played: tuple[tuple[str, frozenset[str]], ...]
    """Columns and the words that make a row a play."""
    detected: bool
    """Whether any column was found by its name rather than named by the user."""
    spoken: tuple[str, ...] = ()
    """Columns that have a value in rows of a podcast or an audiobook."""

    @property
    def names(self) -> list[str]:
        """Every column that has to be read, once."""
        return list(dict.fromkeys([*self.roles.values(), *(column for column, _ in self.played), *self.spoken]))


def check_roles(reading: Reading) -> None:
    """Refuse names for what is no role.

    Raises:
        UsageError: a role fairpay does not know, or both ways to name one thing.

    """
    unknown = [role for role in reading.columns if role not in ROLES]
    if unknown:
        message = f"--columns: {', '.join(unknown)} is not something a column can be"
        raise UsageError(message, advice=f"Choose from {', '.join(ROLES)}.")
    if all(role in reading.columns for role in DURATION):
        message = "--columns names both seconds and ms"
        raise UsageError(message, advice="Name the one that holds the time listened.")
    if "user" in reading.columns and (reading.user_from_file or reading.user_from_folder):
        message = "the user is named with --columns and also taken from the file name"
        raise UsageError(message, advice="Give one of --columns user=NAME, --user-from-file and --user-from-folder.")
    if reading.user_from_file and reading.user_from_folder:
        message = "the user cannot be both the file and the folder"
        raise UsageError(message, advice="Give one of --user-from-file and --user-from-folder.")


def refuse_duplicates(names: Sequence[str], where: str) -> None:
    """Refuse a table with two columns of one name.

    Raises:
        InputError: naming them.

    """
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        message = f"{where}: more than one column is named {', '.join(twice[:SHOWN])}"
        raise InputError(message, advice="Rename the columns, so that each name stands for one.")


def recognised(cells: Sequence[str], reading: Reading) -> int:
    """Count the cells of a would-be header line that are known or named column names."""
    names = [*(name for some in KNOWN.values() for name in some), *PAID, *ARTIST_ID, *ARTIST_NAME]
    known = set(map(normal, (*names, *reading.columns.values())))
    return len({normal(cell) for cell in cells} & known)


def find_columns(
    names: Sequence[str], reading: Reading, *, wanted: Collection[str], where: str, needed: Collection[str] = ()
) -> Columns:
    """Find user, artist, other needed roles and the wanted ones among the columns of a file.

    Raises:
        InputError: a named column is not there, or none for the user or the artist; with what was looked for and found.

    """
    told = reading.user_from_file or reading.user_from_folder
    who = None if "user" in reading.columns else statement_of(names)
    if who is not None:
        message = f"{where}: this is a sales statement of {who}: it says what was earned, and not who listened"
        raise InputError(message, advice="fairpay divides money by listening: give a log with a column for users.")
    roles: dict[str, str] = {}
    detected = False
    measured = any(role in reading.columns for role in MEASURED)
    for role in ROLES:
        must = role in needed or role == "artist" or (role == "user" and not told)
        if role in reading.columns:
            found = named(role, reading.columns[role], names, where)
            if role in wanted or must:
                roles[role] = found
        elif must or (role in wanted and not (measured and role in MEASURED)):
            alike = answering(names, KNOWN[role])
            if len(alike) > 1:
                message = f"{where}: {len(alike)} columns answer to the {role}: {', '.join(alike)}"
                raise InputError(message, advice=f"Say which with --columns {role}=NAME, or give the rows one name.")
            if alike:
                roles[role] = alike[0]
                detected = True
            elif must:
                raise not_found(role, names, reading, where)
    if all(role in roles for role in DURATION):
        del roles["seconds"]
    by_normal = {normal(name): name for name in reversed(names)}
    own = {role: normal(role.removeprefix(OWN)) for role in sorted(wanted) if role.startswith(OWN)}
    roles |= {role: by_normal[name] for role, name in own.items() if name in by_normal}
    spoken = tuple(by_normal[normal(name)] for name in SPOKEN if normal(name) in by_normal)
    played = tuple((by_normal[r.column], r.words) for r in PLAYED_ONLY if {r.column, *r.among} <= by_normal.keys())
    return Columns(roles, played, detected, spoken)


def has_artist(names: Sequence[str], reading: Reading) -> bool:
    """Whether one of the columns is the artist: as it was told, else by the known names."""
    told = reading.columns.get("artist")
    if told is not None:
        return any(name.casefold() == told.casefold() for name in names)
    return bool(answering(names, KNOWN["artist"]))


def tells_plays(names: Sequence[str]) -> bool:
    """Whether one of the columns is a time, a time listened or a number of plays: a list of favourites has none."""
    return any(answering(names, KNOWN[role]) for role in ("time", *MEASURED))


def number_columns(names: Sequence[str], reading: Reading) -> frozenset[str]:
    """Return the columns that are numbers: told to be, or by the known names, and not told to be something else."""
    if reading.decimal != ".":
        return frozenset()
    known = {normal(name) for role in MEASURED for name in KNOWN[role]}
    told = {column.casefold(): role in MEASURED for role, column in reading.columns.items()}
    return frozenset(name for name in names if told.get(name.casefold(), normal(name) in known))


def agree(found: Mapping[str, Columns], loose: Collection[str], telling: Collection[str] = ()) -> None:
    """Hold the columns of all files against each other: every file has the same roles, and means the same by them.

    Args:
        found: file -> its columns.
        loose: files in which a column without any value may be missing.
        telling: roles that no amount depends on, which some files may lack.

    Raises:
        InputError: naming two files that differ, the same two in whatever order the files were given.

    """
    kinds: dict[tuple[tuple[str, str], ...], str] = {}
    for where in sorted(found):
        means = tuple(sorted((r, meaning_of(r, n)) for r, n in found[where].roles.items() if r not in telling))
        kinds.setdefault(means, where)
    apart = "Read them apart, or bring them to the same columns"
    for (means, first), (others, second) in combinations(sorted(kinds.items(), key=itemgetter(1)), 2):
        one, two = dict(means), dict(others)
        for role in ROLES:
            if role in one and role in two and one[role] != two[role]:
                names = found[first].roles[role], found[second].roles[role]
                message = f"{first} has {one[role]} of the {role} ({names[0]}), {second} has {two[role]} ({names[1]})"
                advice = f"{apart}; a column that all have is named with --columns {role}=NAME."
                raise InputError(message, advice=advice)
        for have, where, lack, there in ((one, first, two, second), (two, second, one, first)):
            missing = [r for r in ROLES if r in have and r not in lack and not (there in loose and r not in MEASURED)]
            if missing:
                role = missing[0]
                instead = [r for r in DURATION if r in lack] if role in DURATION else []
                what = f"has {instead[0]} instead" if instead else "has none"
                message = f"{where} has a column for the {role} ({found[where].roles[role]}), and {there} {what}"
                raise InputError(message, advice=f"{apart}: what one of them says would be ignored.")


def named(role: str, name: str, names: Sequence[str], where: str) -> str:
    alike = [name] if name in names else [other for other in names if other.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    message = f"{where}: there is no column {name} for the {role}; {listed(names)}"
    raise InputError(message, advice=f"Name one of these with --columns {role}=NAME.")


def not_found(role: str, names: Sequence[str], reading: Reading, where: str) -> InputError:
    message = f"{where}: no column for the {role}: looked for {', '.join(KNOWN[role])}; {listed(names)}"
    if not reading.header:
        advice = "Name columns by position from 1: --columns user=1,artist=2."
    elif looks_like_data(names):
        advice = "A file without a header line needs --no-header, and --columns by position: user=1,artist=2."
    elif role == "user":
        advice = "Name it with --columns user=NAME; if each file or folder is a person, --user-from-file or -folder."
    else:
        advice = f"Name it with --columns {role}=NAME; a file without a header line needs --no-header."
    return InputError(message, advice=advice)


def looks_like_data(names: Sequence[str]) -> bool:
    """Whether a header line is a row: it may then hold a user's id, which no message shows."""
    return any(re.fullmatch(r"[-+]?[\d.,:/TZ -]*\d[\d.,:/TZ -]*|[0-9a-f-]{20,}|.*@.*|.{60,}", name) for name in names)


def listed(names: Sequence[str]) -> str:
    if looks_like_data(names) and list(names) != [str(i + 1) for i in range(len(names))]:
        return "the first line looks like a row, not like a header"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"the columns are {', '.join(names[:SHOWN])}{more}" if names else "there are no columns"
