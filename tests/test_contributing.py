"""CONTRIBUTING is true: its drawing and its map are those of the import contracts, and its paths are there."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise, product
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")


def layers() -> list[list[str]]:
    """Return the rooms of the house as import-linter holds them, from the top down; rooms of a layer are apart."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (house,) = (contract for contract in contracts if contract.get("containers") == ["fairpay"])
    assert house["exhaustive"]
    return [re.split(r"\s*[|:]\s*", layer) for layer in house["layers"]]


def test_the_drawing_is_what_import_linter_enforces() -> None:
    drawn = re.findall(r"^    (\w+) --> (\w+)$", TEXT, re.MULTILINE)
    assert sorted(drawn) == sorted(arrow for above, below in pairwise(layers()) for arrow in product(above, below))


def test_the_map_has_every_room_in_that_order() -> None:
    rooms = re.findall(r"^\| `fairpay/(\w+)(?:/|\.py)` \|", TEXT, re.MULTILINE)
    assert rooms == [room for layer in layers() for room in layer]


def test_every_path_is_there() -> None:
    paths = re.findall(r"`((?:fairpay|tests|sample_data)/[\w./-]*)`", TEXT)
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []
