from __future__ import annotations

import io
import zipfile
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairpay
from fairpay.adjust.decisions import read_decisions
from fairpay.errors import InputError, NothingToPayError
from fairpay.logs.tables import defused
from fairpay.rules import rule_classes
from fairpay.runs.outputs import write_review

if TYPE_CHECKING:
    from pathlib import Path

RULES = ("market-centric", "user-centric")
LOG = pl.DataFrame(
    {
        "user_id": ["a", "a", "b", "c", "c", "d"],
        "artist_id": ["X", "Y", "X", "Z", "X", "Y"],
        "ms_played": [60_000, 120_000, 90_000, 300_000, 40_000, 50_000],
    }
)


def decided(folder: Path, *lines: str, log: pl.DataFrame = LOG, **options: Any) -> Any:  # noqa: ANN401 - a Result
    """Compare with these decisions: `user,a,hold`."""
    path = folder / "review.csv"
    path.write_text("kind,subject,decision,by\n" + "".join(f"{line},me\n" for line in lines))
    chosen = {"pool": "1000", "rules": RULES, **options}
    return fairpay.compare(log, decisions=path, **chosen)


def paid(result: Any, rule: int = 0) -> dict[str, int]:  # noqa: ANN401 - a Result
    """Return what each artist and each suspense line is paid."""
    amounts = result.outcome.payouts[rule].allocation.paid.tolist()
    return dict(zip(result.outcome.artist.to_pylist(), amounts, strict=True))


def test_excluded_plays_leave_by_a_reason_of_their_own(tmp_path: Path) -> None:
    result = decided(tmp_path, "user,c,exclude")
    assert result.summary["listening"]["dropped"] == {"excluded by a person's decision": 2}
    assert paid(result) == paid(fairpay.compare(LOG.filter(pl.col("user_id") != "c"), pool="1000"))


def test_an_excluded_artist_is_paid_nothing(tmp_path: Path) -> None:
    assert paid(decided(tmp_path, "artist,X,exclude")) == paid(
        fairpay.compare(LOG.filter(pl.col("artist_id") != "X"), pool="1000")
    )


@pytest.mark.parametrize("rule", [0, 1])
def test_held_money_stands_on_a_line_of_its_own_and_nobody_else_is_paid_otherwise(tmp_path: Path, rule: int) -> None:
    plain, held = paid(fairpay.compare(LOG, pool="1000"), rule), paid(decided(tmp_path, "artist,X,hold"), rule)
    assert {one: units for one, units in held.items() if not one.startswith("held:")} == {
        one: units for one, units in plain.items() if one != "X"
    }
    assert [units for one, units in held.items() if one.startswith("held:")] == [plain["X"]]


def test_the_held_money_of_an_account_is_what_its_plays_are_paid(tmp_path: Path) -> None:
    result = decided(tmp_path, "user,c,hold")
    assert [units for one, units in paid(result, 1).items() if one.startswith("held:")] == [25_000]
    assert result.summary["decisions"][0]["held"] == {"market-centric": "515.15", "user-centric": "250.00"}


def test_a_weight_multiplies_listening_before_any_rule(tmp_path: Path) -> None:
    third = LOG.with_columns(
        ms_played=pl.when(pl.col("artist_id") == "X").then(pl.col("ms_played")).otherwise(pl.col("ms_played") * 3)
    )
    assert paid(decided(tmp_path, "artist,X,weight 1/3")) == paid(fairpay.compare(third, pool="1000"))


def test_weights_of_a_user_and_an_artist_multiply(tmp_path: Path) -> None:
    amounts = pl.Series([60 * 2, 120 * 6, 90 * 2, 300 * 3, 40 * 1, 50 * 6]) * 1000
    result = decided(tmp_path, "artist,X,weight 1/3", "user,c,weight 50%")
    assert paid(result) == paid(fairpay.compare(LOG.with_columns(ms_played=amounts), pool="1000"))


def test_a_weight_leaves_plays_and_seconds_as_they_were(tmp_path: Path) -> None:
    plain, weighed = fairpay.compare(LOG, pool="1000").summary, decided(tmp_path, "artist,X,weight 0.5").summary
    assert weighed["listening"] == plain["listening"]


def test_keep_changes_nothing_but_the_record(tmp_path: Path) -> None:
    plain, kept = fairpay.compare(LOG, pool="1000"), decided(tmp_path, "user,a,keep", "artist,X,keep")
    assert kept.arrow == plain.arrow
    assert {one["decision"] for one in kept.summary["decisions"]} == {"keep"}


def test_a_decision_says_what_is_at_stake_under_each_rule(tmp_path: Path) -> None:
    one = decided(tmp_path, "user,c,exclude").summary["decisions"][0]
    assert one["if_kept"] == {"market-centric": "515.15", "user-centric": "250.00"}
    assert one["held"] == {"market-centric": "0.00", "user-centric": "0.00"}
    assert (one["kind"], one["by"], one["plays"]) == ("user", "me", 2)


def test_no_id_is_in_the_summary_or_the_manifest(tmp_path: Path) -> None:
    log = LOG.with_columns(user_id="listener-" + pl.col("user_id"))
    result = decided(tmp_path, "user,listener-c,exclude", log=log, output=tmp_path / "out")
    for name in ("summary.json", "manifest.json"):
        text = (tmp_path / "out" / name).read_text()
        assert result.summary["decisions"][0]["subject"] in text
        assert "listener-" not in text


def test_undoing_a_decision_restores_the_same_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log.parquet"
    LOG.write_parquet(log)
    fairpay.compare(log, pool="1000", output=tmp_path / "before")
    decided(tmp_path, "user,c,exclude", "artist,X,weight 0.5", log=log, output=tmp_path / "decided")  # type: ignore[arg-type] # a path is a log
    fairpay.compare(log, pool="1000", output=tmp_path / "after")
    for name in ("comparison.parquet", "comparison.csv", "summary.json"):
        before, decided_, after = ((tmp_path / run / name).read_bytes() for run in ("before", "decided", "after"))
        assert before == after != decided_


def test_an_unknown_subject_is_refused_with_its_line_and_without_its_id(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        decided(tmp_path, "user,a,keep", "user,ghost,exclude", "artist,none,hold")
    assert caught.value.status == 3
    assert caught.value.problems[0].count == 2
    assert caught.value.problems[0].where == "first at row 2"
    assert "ghost" not in str(caught.value.message) + caught.value.advice + caught.value.problems[0].reason


def test_when_everybody_is_excluded_there_is_nothing_to_pay(tmp_path: Path) -> None:
    with pytest.raises(NothingToPayError):
        decided(tmp_path, *(f"user,{one},exclude" for one in "abcd"))


def test_weights_without_a_reasonable_denominator_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="denominator"):
        decided(tmp_path, "user,a,weight 1/1000003")


def test_ids_written_as_numbers_are_known_by_their_text(tmp_path: Path) -> None:
    log = LOG.with_columns(user_id=pl.Series([7, 7, 8, 9, 9, 10]))
    assert decided(tmp_path, "user,9,exclude", log=log).summary["listening"]["used"] == 4


def test_ids_in_a_dictionary_are_known(tmp_path: Path) -> None:
    log = LOG.with_columns(pl.col("user_id", "artist_id").cast(pl.Categorical))
    assert decided(tmp_path, "user,c,exclude", "artist,Y,hold", log=log).summary["listening"]["used"] == 4


@pytest.mark.parametrize("rule", [one for one in rule_classes() if one != "bounded"])
def test_every_rule_pays_the_whole_pool_whatever_is_decided(tmp_path: Path, rule: str) -> None:
    lines = ("user,c,hold", "artist,Y,weight 1/7", "user,d,exclude")
    result = decided(tmp_path, *lines, rules=("market-centric", rule) if rule != "market-centric" else RULES)
    assert sum(paid(result, 1).values()) == 100_000


@settings(max_examples=20 if settings.default.derandomize else 100)  # few by day, more in the nightly search
@given(st.dictionaries(st.sampled_from("abcd"), st.fractions(0, 1, max_denominator=9), min_size=1))
def test_market_centric_pays_by_exact_fractions(
    tmp_path_factory: pytest.TempPathFactory, weights: dict[str, Fraction]
) -> None:
    heard: dict[str, Fraction] = {}
    for user, artist, ms in LOG.iter_rows():
        heard[artist] = heard.get(artist, Fraction(0)) + ms * weights.get(user, Fraction(1))
    lines = [f"user,{user},weight {weight}" for user, weight in weights.items()]
    if not sum(heard.values()):
        return
    amounts = paid(decided(tmp_path_factory.mktemp("decided"), *lines))
    exact = {artist: 100_000 * ms / sum(heard.values()) for artist, ms in heard.items()}
    assert all(abs(amounts.get(artist, 0) - share) < 1 for artist, share in exact.items())


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
