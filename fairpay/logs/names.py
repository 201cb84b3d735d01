"""The names real logs give their columns. To teach fairpay a new log, add its name to the right line.

A name is matched without regard to case, spaces, `_`, `-`, `#` and a `:type` at its end; a dot goes into JSON objects.
The first name of a line that a log has is taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ARTIST_ID",
    "ARTIST_NAME",
    "KNOWN",
    "PAID",
    "PLAYED_ONLY",
    "SPOKEN",
    "TOTALS",
    "answering",
    "holds_podcasts",
    "meaning_of",
    "normal",
    "spellings",
    "statement_of",
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
