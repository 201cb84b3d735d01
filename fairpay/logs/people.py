"""Whose export a file is: by its own name, or by the folder a person's files lie in."""

from __future__ import annotations

import os
import re

from fairpay.logs.names import KNOWN, normal

__all__ = ["exporter_stem", "person_of"]

LAYOUT = re.compile(
    r"my[ _-]?data|spotify account data|spotify extended streaming history|my_spotify_data|takeout|"
    r"youtube and youtube music|youtube music|history|listens|scrobbles|data|exports?|apple music activity|"
    r"apple_media_services|apple media services information.*|\d{4}|\d{1,2}",
    re.IGNORECASE,
)
"""Folders that a service makes within one person's export: no names of people."""
USERS = frozenset(normal(name) for name in KNOWN["user"])
NUMBERED = re.compile(
    r"((?:streaming_?history|endsong|watch-history|listens|recenttracks|scrobbles|apple music|deezer|tidal)[^0-9]*?)"
    r"(?:[ _-]*\d[\d_-]*)?",
    re.IGNORECASE,
)
"""Names that a service gives its files, with the numbers it adds."""


def person_of(path: str, root: str, *, alone: bool = True) -> str:
    """Name the person whose folder a file lies in.

    Args:
        path: the file, from the folder or archive that was given.
        root: what that folder or archive is called; empty for a file of a pattern.
        alone: whether it is the only one given: then each folder in it is a person, else it is one itself.

    """
    parts = [part for part in path.replace(os.sep, "/").split("/")[:-1] if part not in {"", "."}]
    users = [part.split("=", 1)[1] for part in parts if "=" in part and normal(part.split("=", 1)[0]) in USERS]
    if users:
        return users[-1]
    if not root:
        named = [part for part in parts if not LAYOUT.fullmatch(part)]
        return value_of(named[-1]) if named else ""
    if not alone or not parts or LAYOUT.fullmatch(parts[0]):
        return value_of(root)
    return value_of(parts[0].removesuffix(".zip"))


def value_of(folder: str) -> str:
    """Take the value of a `user=ana` folder, else the folder's name."""
    return folder.split("=", 1)[1] if "=" in folder else folder


def exporter_stem(stem: str) -> str | None:
    """Return what a service calls the files of one export, without their numbers; None for a name of another kind."""
    found = NUMBERED.fullmatch(stem)
    return None if found is None else found[1].rstrip(" _-")
