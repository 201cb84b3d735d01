"""Whose export a file is: by its own name, or by the folder a person's files lie in."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from fairpay.errors import UsageError
from fairpay.logs.names import KNOWN, normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairpay.logs.files import LogFile

__all__ = ["check_files", "check_folders", "exporter_stem", "person_at", "person_in", "same_plays"]

LAYOUT = re.compile(
    r"my[ _-]?data|spotify[ _-]account[ _-]data|spotify[ _-]extended[ _-]streaming[ _-]history|my_spotify_data.*|"
    r"takeout.*|youtube .*|history|verlauf|historique|historial|histórico|cronologia|geschiedenis|historik|historia|"
    r"listens|scrobbles|data|exports?|apple[ _]music[ _]activity|apple[ _]media[ _]services.*|"
    r"part[ _-]?\d+|.*[ _-]part[ _-]?\d+([ _-]of[ _-]\d+)?",
    re.IGNORECASE,
)
"""Folders and archives that a service makes within one person's export: no names of people."""
NUMBER = re.compile(r"\d{4}|\d{1,2}")
"""Years and months, which are no people either where they lie in such a folder."""
USERS = frozenset(normal(name) for name in KNOWN["user"])
SPOTIFY = re.compile(
    r"(streaming_?history|endsong)(_(audio|video|music|podcast|audiobook))?([ _-]*\d[\d_-]*)?", re.IGNORECASE
)
NUMBERED = re.compile(
    r"((?:watch-history|listens|recenttracks|scrobbles|apple music|deezer|tidal)[^0-9]*?)(?:[ _-]*\d[\d_-]*)?",
    re.IGNORECASE,
)
"""Names that a service gives its files, with the numbers it adds."""
EVENTS = re.compile(r"apple music( -)? play activity", re.IGNORECASE)
DAYS = re.compile(r"apple music - play history daily tracks", re.IGNORECASE)


def person_in(path: str, root: str, *, alone: bool, climb: bool) -> tuple[str, str]:
    """Name the person whose folder a file lies in, and say where that folder is.

    Args:
        path: the file, from the folder or archive that was given.
        root: that folder or archive, as a path from the root.
        alone: whether each folder in it is a person; else it is one itself.
        climb: whether the person of a folder that a service made is that of the folder it lies in.

    Returns:
        The name, and the place, empty for a `user=ana` folder: one person may have many of them.

    """
    parts = folders(path)
    user = user_of(parts)
    if user is not None:
        return user, ""
    above = folders(f"{root}/")
    if alone and parts and not is_layout([*above, *parts], len(above)):
        return bare(parts[0]), f"{root.rstrip('/')}/{parts[0]}"
    at = len(above) - 1
    while climb and at > 0 and is_layout(above, at):
        at -= 1
    return bare(above[at]) if above else "", "/" + "/".join(above[: at + 1])


def person_at(path: str) -> tuple[str, str]:
    """Name the person whose file was named itself, by the folder it lies in, and say where that is.

    Args:
        path: the file, from the root.

    """
    parts = folders(path)
    user = user_of(parts)
    if user is not None:
        return user, ""
    named = [at for at in range(len(parts)) if not is_layout(parts, at)]
    return (bare(parts[named[-1]]), "/" + "/".join(parts[: named[-1] + 1])) if named else ("", "")


def folders(path: str) -> list[str]:
    return [part for part in path.replace(os.sep, "/").split("/")[:-1] if part not in {"", "."}]


def user_of(parts: Sequence[str]) -> str | None:
    users = [part.split("=", 1)[1] for part in parts if "=" in part and normal(part.split("=", 1)[0]) in USERS]
    return users[-1] if users else None


def is_layout(parts: Sequence[str], at: int) -> bool:
    """Whether a folder is one that a service makes: by its name, or a year or month within such a one."""
    if NUMBER.fullmatch(parts[at]):
        return at > 0 and is_layout(parts, at - 1)
    return LAYOUT.fullmatch(bare(parts[at])) is not None


def bare(folder: str) -> str:
    """Take the value of a `name=ana` folder, else the name of a folder or an archive without its extension."""
    name = folder.split("=", 1)[1] if "=" in folder else folder
    return name[:-4] if name.lower().endswith(".zip") else name


def exporter_stem(stem: str) -> str | None:
    """Return what a service calls the files of one export, without their numbers; None for a name of another kind."""
    found = SPOTIFY.fullmatch(stem) or NUMBERED.fullmatch(stem)
    return None if found is None else found[1].rstrip(" _-")


def check_folders(files: Iterable[LogFile]) -> None:
    """Refuse people of one name whose folders lie in different places: they may be two, or one counted twice.

    Raises:
        UsageError: naming the places.

    """
    name, homes = ambiguous((file.person, file.home) for file in files if file.home)
    if homes:
        message = f"--user-from-folder: {name} is the name of {len(homes):,} folders: {' and '.join(homes[:3])}"
        raise UsageError(message, advice="If they are two people, rename one; if they are one, put one in the other.")


def ambiguous(named: Iterable[tuple[str, str]]) -> tuple[str, list[str]]:
    """Return the first name, of those with their places, that has several places, and these."""
    places: dict[str, set[str]] = {}
    for name, place in named:
        places.setdefault(name, set()).add(place)
    twice = sorted(name for name, some in places.items() if len(some) > 1)
    return (twice[0], sorted(places[twice[0]])) if twice else ("", [])


def check_files(files: Iterable[LogFile]) -> None:
    """Refuse names of files that cannot be told apart as people.

    Raises:
        UsageError: two people's files have one name, or files are only numbered.

    """
    named = []
    for file in files:
        parts = folders(os.path.abspath(file.path))  # noqa: PTH100 - as it was given
        if NUMBER.fullmatch(file.stem) and is_layout([*parts, file.stem], len(parts)):
            message = f"--user-from-file: {file.path} is named by a number within one person's export"
            raise UsageError(message, advice="If each folder is a person, use --user-from-folder.")
        named.append((exporter_stem(file.stem) or file.stem, f"/{'/'.join(parts)}"))
    stem, places = ambiguous(named)
    if places:
        message = f"--user-from-file: {' and '.join(places[:3])} have files of one name, {stem}: they may be two people"
        raise UsageError(message, advice="If each folder is a person, use --user-from-folder.")


def same_plays(files: Iterable[LogFile]) -> list[LogFile]:
    """Return files that hold plays which another file of the same person holds: Apple sends plays and their days.

    Only the days have the artists.
    """
    some = list(files)
    people = {file.person for file in some if DAYS.fullmatch(file.stem)}
    return [file for file in some if file.person in people and EVENTS.fullmatch(file.stem)]
