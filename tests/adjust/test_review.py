from __future__ import annotations

import io
import zipfile
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairpay.adjust.decisions import read_decisions
from fairpay.errors import InputError
from fairpay.logs.tables import defused
from fairpay.runs.outputs import write_review

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "kind,subject,group,reasons,decision,by,note\n"


def read(tmp_path: Path, data: bytes | str) -> list[tuple[str, str, str, Fraction]]:
    """Read a file of decisions."""
    path = tmp_path / "review.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return [(one.kind, one.subject, one.action, one.weight) for one in read_decisions(path)]


def refused(tmp_path: Path, data: bytes | str) -> dict[str, tuple[int, str]]:
    """Return why a file is refused: reason -> how many lines, and the first."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, data)
    assert caught.value.status == 3
    return {problem.reason: (problem.count, problem.where) for problem in caught.value.problems}


def test_every_decision_is_read(tmp_path: Path) -> None:
    lines = ("keep", "hold", "EXCLUDE", "weight 0.5", "Weight 25%", "weight 1/3", "weight 0,75")
    text = HEAD + "".join(f'user,u{k},,,"{line}",me,\n' for k, line in enumerate(lines))
    weights = [Fraction(1), Fraction(1), Fraction(0), Fraction(1, 2), Fraction(1, 4), Fraction(1, 3), Fraction(3, 4)]
    assert [weight for *_, weight in read(tmp_path, text)] == weights


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_spreadsheets_save_is_read(tmp_path: Path, encoding: str, separator: str, newline: str) -> None:
    rows = [
        ["Kind", "Subject", "Decision", "By"],
        ["user", "Zoë; 007", " Hold ", "me"],
        ["artist", 'say "hi"', "keep", ""],
    ]
    quoted = [separator.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    found = read(tmp_path, (newline.join(quoted) + newline + separator * 3 + newline).encode(encoding))
    assert [one[:3] for one in found] == [("user", "Zoë; 007", "hold"), ("artist", 'say "hi"', "keep")]


def test_a_decision_about_a_group_holds_for_members_left_blank(tmp_path: Path) -> None:
    text = (
        HEAD + "group,group-1,group-1,,exclude,me,\nuser,a,group-1,,,,\nuser,b,group-1,,keep,me,\nuser,c,,,hold,me,\n"
    )
    assert [one[1:3] for one in read(tmp_path, text)] == [("a", "exclude"), ("b", "keep"), ("c", "hold")]


def test_a_group_may_be_left_blank_where_each_member_is_decided(tmp_path: Path) -> None:
    text = HEAD + "group,group-1,group-1,,,,\nuser,a,group-1,,keep,me,\n"
    assert [one[1:3] for one in read(tmp_path, text)] == [("a", "keep")]


def test_blank_decisions_are_refused_with_the_first_line(tmp_path: Path) -> None:
    text = HEAD + "user,a,,,keep,,\nuser,b,,,,,\nuser,c,,, ,,\ngroup,g,g,,,,\nuser,d,g,,,,\n"
    assert refused(tmp_path, text) == {"decision is blank": (4, "first at row 2")}


def test_every_reason_is_told_at_once(tmp_path: Path) -> None:
    text = HEAD + "user,a,,,perhaps,,\nuser,b,,,weight 1.5,,\nuser,c,,,weight 1/0,,\nsong,d,,,keep,,\nuser,,,,keep,,\n"
    assert refused(tmp_path, text) == {
        "decision is not understood": (3, "first at row 1"),
        "kind is none of user, artist, group": (1, "first at row 4"),
        "subject is empty": (1, "first at row 5"),
    }


def test_two_decisions_about_one_subject_are_refused(tmp_path: Path) -> None:
    text = HEAD + "user,a,,,keep,,\nuser,a,,,hold,,\nuser,b,,,keep,,\nuser,b,,,keep,,\n"
    assert refused(tmp_path, text) == {"the same subject with another decision": (1, "first at row 2")}


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"kind,subject\n", b"PK\x03\x04 no workbook"])
def test_a_file_that_is_no_review_is_refused(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path, data)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_decisions(tmp_path / "none.csv")


def review(subjects: list[str]) -> pa.Table:
    """Make a review table with decisions filled in."""
    count = len(subjects)
    text = {"kind": ["user"] * count, "subject": subjects, "group": [""] * count, "decision": ["weight 0.5"] * count}
    return pa.table({name: pa.array(column, pa.large_string()) for name, column in text.items()})


@settings(max_examples=25 if settings.default.derandomize else 100)  # few by day, more in the nightly search
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1), unique=True))
def test_a_workbook_comes_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, subjects: list[str]) -> None:
    path = tmp_path_factory.mktemp("book") / "review.xlsx"
    assert write_review(review(subjects), path) == len(subjects)
    assert [one.subject for one in read_decisions(path)] == subjects


def test_the_same_findings_give_the_same_workbook(tmp_path: Path) -> None:
    for name in ("one.xlsx", "two.xlsx"):
        write_review(review(["a", "=1+1", "007"]), tmp_path / name)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()


def test_no_cell_of_a_workbook_is_a_formula(tmp_path: Path) -> None:
    write_review(review(["=1+1", "@x", "+2"]), tmp_path / "review.xlsx")
    with zipfile.ZipFile(io.BytesIO((tmp_path / "review.xlsx").read_bytes())) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_a_workbook_with_entities_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "review.csv", "w") as book:
        book.writestr("xl/worksheets/sheet1.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    with pytest.raises(InputError, match="workbook"):
        read_decisions(tmp_path / "review.csv")


def test_a_review_runs_no_formula_and_its_ids_come_back_as_they_were(tmp_path: Path) -> None:
    ids = ["=cmd|' /C calc'!A0", "+44", "-", "@a", "'=1", "''=1", "plain", "'quoted'"]
    frame = pl.DataFrame({"kind": ["user"] * len(ids), "subject": ids, "decision": ["keep"] * len(ids)})
    defused(frame).write_csv(tmp_path / "review.csv")
    written = pl.read_csv(tmp_path / "review.csv", infer_schema=False)["subject"]
    assert not written.str.contains(r"^[=+\-@\t\r]").any()
    assert [one.subject for one in read_decisions(tmp_path / "review.csv")] == ids


def test_a_cell_longer_than_csv_allows_by_itself_is_a_cell(tmp_path: Path) -> None:
    (tmp_path / "review.csv").write_text("kind,subject,decision\nuser," + "x" * 200_000 + ",keep\n")
    assert [len(one.subject) for one in read_decisions(tmp_path / "review.csv")] == [200_000]


def test_lines_without_a_decision_are_kept_where_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    path.write_text("kind,subject,group,decision\ngroup,g,g,\nuser,a,g,hold\nuser,b,g,\nartist,x,,\n")
    kept = [(one.subject, one.action) for one in read_decisions(path, undecided="keep")]
    assert kept == [("a", "hold"), ("b", "keep"), ("x", "keep")]
    with pytest.raises(InputError, match="3 lines cannot be used"):
        read_decisions(path)


def test_a_groups_decision_holds_for_its_members_before_blank_lines_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    path.write_text("kind,subject,group,decision\ngroup,g,g,exclude\nuser,a,g,\nuser,b,,\n")
    assert [one.action for one in read_decisions(path, undecided="keep")] == ["exclude", "keep"]
