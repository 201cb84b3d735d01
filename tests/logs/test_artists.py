"""Artists: ids and names from files with and without a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reads import write

from fairpay.errors import InputError
from fairpay.logs.tables import read_artists

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("header", ["artist,name", "artist_id,artist_name", "id,name", "Artist ID,Artist"])
def test_ids_and_names_by_their_usual_names(tmp_path: Path, header: str) -> None:
    frame = read_artists(write(tmp_path / "a.csv", f"{header}\n08001,Nils Frahm\n7,Ólafur\n"))
    assert frame.rows() == [("08001", "Nils Frahm"), ("7", "Ólafur")]
    assert frame.columns == ["artist", "name"]


def test_other_columns_are_kept_as_text(tmp_path: Path) -> None:
    frame = read_artists(write(tmp_path / "a.csv", "artist,name,Genre,label\n1,A,jazz,\n"))
    assert frame.to_dicts() == [{"artist": "1", "name": "A", "genre": "jazz", "label": None}]


def test_two_columns_without_a_header_are_ids_and_names(tmp_path: Path) -> None:
    frame = read_artists(write(tmp_path / "a.txt", '1240105\tAndré Visior\n8\t"Weird Al" Yankovic\n'))
    assert frame.rows() == [("1240105", "André Visior"), ("8", '"Weird Al" Yankovic')]


def test_parquet_with_integer_ids(tmp_path: Path) -> None:
    pq.write_table(pa.table({"artist": [8], "name": ["A"], "followers": [5]}), tmp_path / "a.parquet")
    assert read_artists(tmp_path / "a.parquet").rows() == [("8", "A", "5")]


def test_an_artist_that_comes_twice_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    lines = ["1,B", "1,A", "2,C", ",D", "1,"]
    one = read_artists(write(tmp_path / "a.csv", "artist,name\n" + "\n".join(lines)))
    two = read_artists(write(tmp_path / "a.csv", "artist,name\n" + "\n".join(reversed(lines))))
    assert one.rows() == two.rows() == [("1", "A"), ("2", "C")]


def test_a_file_without_artists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column for the artist id"):
        read_artists(write(tmp_path / "a.csv", "who,what,where\n1,2,3\n"))
