"""`fairpay report`: a page of any finished run, made from its directory alone."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import polars as pl
import pytest
from viewed import NAMES, plays

import fairpay
from fairpay.cli import main
from fairpay.reports.pages import render as making
from fairpay.reports.pages.page import PageColumn
from fairpay.views import charts
from fairpay.views.jobs import PAGES
from fairpay.views.parts import RuleColumns, grown, rule_columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SAID = {
    "compare": (
        "changes hands: ",
        "How evenly the pool is shared",
        "How many artists gain and lose how much, EUR",
        "Gains most, EUR",
        "its listeners play",
        "Fan intensity against change: each point is an artist",
        "All the money lies in one pot",
    ),
    "pay": ("110.00 EUR is paid to 7 artists", "Who is paid most", "Paid most, EUR", "listeners, "),
    "audit": ("for each 1.00 it pays", "right of the line a fake earns money", "Rule by rule, EUR", "Upper limit"),
    "sweep": ("user-cap", "What a fake account earns against what changes hands", "Every value, against", "top 10"),
    "suspects": ("to look at", "money moved", "A finding is a reason to look, not a verdict.", "Signals", "loop"),
    "close": ("26.25 EUR and 15.00 USD are payable for 2026-07 to 2 payees", "split from others 26.25", "in suspense"),
}
"""What a page says, by job."""


class Words(HTMLParser):
    """The texts of a page, cell by cell."""

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__()
        self.cells: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.cells.append(data)


def words(path: Path) -> list[str]:
    """Read the texts of a page."""
    return Words(path.read_text(encoding="utf-8")).cells


@pytest.fixture
def made(runs: Mapping[str, Path], tmp_path: Path) -> Path:
    """A page of the comparison."""
    return fairpay.report(runs["compare"], output=tmp_path / "page.html")


@pytest.mark.parametrize("job", PAGES)
def test_every_kind_of_run_has_a_page_that_says_what_it_came_to(
    job: str, runs: Mapping[str, Path], tmp_path: Path
) -> None:
    page = "\n".join(words(fairpay.report(runs[job], output=tmp_path / "page.html")))
    assert [text for text in SAID[job] if text not in page] == []
    manifest = json.loads((runs[job] / "manifest.json").read_bytes())
    assert all(one["sha256"] in page for one in manifest["inputs"] if one["sha256"])
    assert all(control["detail"] in page for control in manifest["controls"])


def test_the_headline_is_what_the_summary_says(made: Path, runs: Mapping[str, Path]) -> None:
    (change,) = json.loads((runs["compare"] / "summary.json").read_bytes())["comparisons"]
    (headline,) = [text for text in words(made) if "changes hands" in text]
    assert headline.startswith(f"{change['moved']} EUR (")
    assert headline.endswith(" changes hands: 6 artists gain, 1 loses")
    assert (change["gainers"], change["losers"]) == (6, 1)


@pytest.mark.parametrize("place", range(len(NAMES)))
def test_any_name_of_an_artist_stands_in_tables_and_pictures_as_text(place: int, made: Path) -> None:
    name = [*NAMES.values()][place].replace("\n", r"\n").replace("\x07", r"\x07")
    found = words(made)
    assert found.count(name) >= 2
    assert sum(text.startswith(name[:15]) for text in found) > found.count(name) or len(name) <= 20
    assert "<script" not in made.read_text(encoding="utf-8")


def test_the_same_run_gives_the_same_bytes(made: Path, runs: Mapping[str, Path], tmp_path: Path) -> None:
    before = made.read_bytes()
    assert fairpay.report(runs["compare"], output=tmp_path / "again.html").read_bytes() == before


def test_the_page_stands_beside_nothing_and_is_named_after_the_run(
    runs: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(runs["pay"])]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["pay.html"]
    assert capsys.readouterr().err == "Written to pay.html\n"
    assert main(["report", str(runs["pay"]), "--against", str(runs["compare"])]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pay-against-compare.html", "pay.html"]
    assert main(["verify", str(runs["pay"]), "--quiet"]) == 0


def test_a_run_that_was_changed_has_no_page(runs: Mapping[str, Path], tmp_path: Path) -> None:
    spoilt = tmp_path / "run"
    spoilt.mkdir()
    for path in runs["compare"].iterdir():
        (spoilt / path.name).write_bytes(path.read_bytes())
    (spoilt / "summary.json").write_text((spoilt / "summary.json").read_text().replace("gainers", "winners"))
    with pytest.raises(fairpay.NotVerifiedError, match="does not verify"):
        fairpay.report(spoilt, output=tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(fairpay.InputError, match="is not a run"):
        fairpay.report(tmp_path, output=tmp_path.with_name("page.html"))


def test_a_page_may_be_replaced_and_another_file_may_not(made: Path, runs: Mapping[str, Path]) -> None:
    fairpay.report(runs["pay"], output=made)
    assert "Who is paid most" in words(made)
    made.write_text("my notes")
    with pytest.raises(fairpay.OutputError, match="is no page of fairpay's"):
        fairpay.report(runs["pay"], output=made)
    assert made.read_text() == "my notes"


def test_a_page_is_not_written_into_the_run(runs: Mapping[str, Path]) -> None:
    with pytest.raises(fairpay.UsageError, match="holds only what the run wrote"):
        fairpay.report(runs["pay"], output=runs["pay"] / "page.html")


def test_a_comparison_writes_its_page_where_it_is_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.csv"
    plays().write_csv(log)
    command = ["compare", str(log), "--fee", "10", "--report", str(tmp_path / "page.html")]
    assert main(command) == 0
    assert f"Page written to {tmp_path / 'page.html'}" in capsys.readouterr().err
    page = (tmp_path / "page.html").read_bytes()
    assert main([*command, "-o", str(tmp_path / "run"), "--quiet"]) == 0
    assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "other.html"), "--quiet"]) == 0
    assert page == (tmp_path / "page.html").read_bytes() == (tmp_path / "other.html").read_bytes()
    assert main(["compare", str(log), "--fee", "10", "-o", str(tmp_path / "run"), "--quiet"]) == 0  # the same run


def test_a_missing_library_is_said_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "find_spec", lambda name: None if name == "vl_convert" else name)
    assert main(["compare", str(tmp_path / "none.csv"), "--report", str(tmp_path / "page.html")]) == 2
    assert "pip install 'fairpay[report]'" in capsys.readouterr().err


def test_a_comparison_loads_no_library_of_pages_unless_it_is_asked(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    plays().write_csv(log)
    script = (
        "import sys\nfrom fairpay.cli import main\n"
        f"assert main(['compare', {str(log)!r}, '--fee', '10', '--quiet']) == 0\n"
        "assert not set(sys.modules) & {'altair', 'jinja2', 'vl_convert', 'fairpay.views'}"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_merged_artists_are_said_to_be_merged_and_have_no_curve(tmp_path: Path) -> None:
    few = pl.concat([plays(), pl.DataFrame({"user": ["u1"], "artist": ["h"], "plays": [3]})])
    fairpay.compare(few, fee="10", k=2, output=tmp_path / "run")
    page = "\n".join(words(fairpay.report(tmp_path / "run", output=tmp_path / "page.html")))
    assert "At least " in page
    assert "How evenly" not in page


def test_what_changed_between_two_runs_has_a_page_with_reasons(runs: Mapping[str, Path], tmp_path: Path) -> None:
    later = plays().with_columns(plays=pl.when(pl.col("user") == "fan").then(20).otherwise("plays"))
    fairpay.pay(later, fee="10", rule="user-centric", output=tmp_path / "later")
    path = tmp_path / "page.html"
    found = words(fairpay.report(tmp_path / "later", against=runs["pay"], output=path))
    assert "No payout differs" in found  # a listener's fee goes where it went, however much they play
    fairpay.pay(later, fee="10", rule="market-centric", output=tmp_path / "other")
    found = words(fairpay.report(tmp_path / "other", against=tmp_path / "later", output=path))
    assert "7 payouts differ: 1 up, 6 down; 0 stay the same" in found
    place = found.index("What differs")
    assert found[place:].index("user-centric") < found[place:].index("market-centric")
    assert "same plays and listeners" in found


def test_where_nothing_moves_the_headline_says_so(tmp_path: Path) -> None:
    fairpay.compare(plays().filter(pl.col("user") == "fan"), fee="10", output=tmp_path / "run")
    found = words(fairpay.report(tmp_path / "run", output=tmp_path / "page.html"))
    assert "Nothing changes hands: market-centric and user-centric pay every artist the same" in found


def test_what_a_policy_and_people_did_is_told(tmp_path: Path) -> None:
    policy = tmp_path / "own.toml"
    told = 'title = "Own"\nsource = "ours"\nrule = "user-centric"\nmeasure = "plays"\n'
    policy.write_text(told + '[[thresholds]]\nname = "100 streams"\nper = "artist"\nstreams = 100\n')
    decided = pl.DataFrame({"kind": ["user"], "subject": ["night"], "decision": ["hold"], "by": ["Ann"]})
    fairpay.compare(plays(), fee="10", policy=policy, decisions=decided, output=tmp_path / "run")
    found = words(fairpay.report(tmp_path / "run", output=tmp_path / "page.html"))
    summary = json.loads((tmp_path / "run" / "summary.json").read_bytes())
    (line,), (one,) = summary["conditions"], summary["decisions"]
    assert {line["name"], *line["moved"], "hold", "Ann", one["subject"]} <= set(found)


def test_groups_have_a_picture_and_a_table_with_reasons(tmp_path: Path) -> None:
    artists = pl.DataFrame({"artist": ["a", "b", "c"], "name": ["A", "B", "C"], "label": ["<b>One", "Two", "Two"]})
    subscribers = pl.DataFrame({"user": [f"u{n}" for n in range(9)], "paid": "10", "plan": ["x", "y", "z"] * 3})
    fairpay.compare(
        plays().filter(pl.col("artist").is_in(["a", "b", "c"])),
        artists=artists,
        subscribers=subscribers,
        by=["label", "plan"],
        output=tmp_path / "run",
    )
    found = words(fairpay.report(tmp_path / "run", output=tmp_path / "page.html"))
    assert [text for text in found if text.startswith("By ")] == [
        "By label",
        "By label, EUR",
        "By plan",
        "By plan, EUR",
    ]
    place = found.index("By label, EUR")
    assert "<b>One" in found[place:]
    assert "What the listeners of each plan steer" in found
    table = pl.read_csv(tmp_path / "run" / "comparison-by-label.csv", infer_schema=False)
    assert set(table["market_centric"]) <= set(found)


def test_months_stand_side_by_side(tmp_path: Path) -> None:
    moments = [("2026-10-05", 1), ("2026-11-05", 3)]
    two = pl.concat(
        plays().with_columns(plays=pl.col("plays") * n, time=pl.lit(f"{day} 10:00:00")) for day, n in moments
    )
    fairpay.compare(two, fee="10", by=["month"], output=tmp_path / "run")
    found = words(fairpay.report(tmp_path / "run", output=tmp_path / "page.html"))
    place = found.index("Months, EUR")
    assert found[place:].index("2026-10") < found[place:].index("2026-11")
    assert "What changes hands in each month, against market-centric" in found


def test_many_rules_are_named_with_the_least_and_the_most_that_moves(tmp_path: Path) -> None:
    rules = ["market-centric", "user-centric", "bounded", "user-cap:cap=50"]
    fairpay.compare(plays(), fee="10", rules=rules, output=tmp_path / "run")
    found = words(fairpay.report(tmp_path / "run", output=tmp_path / "page.html"))
    (headline,) = [text for text in found if "changes hands" in text]
    assert "against market-centric" in headline
    assert [text for text in found if text.startswith("Who gains and who loses: ")] == [
        f"Who gains and who loses: {rule}" for rule in rules[1:]
    ]


def test_a_change_is_rounded_once() -> None:
    assert PageColumn("", "percent").text(grown("542.45", "685.38")) == "+26.3 %"  # 26.3489..., which 26.35 is not
    assert grown("0.00", "1.00") is None


def test_a_lorenz_curve_is_worked_out_by_hand() -> None:
    found = charts.curve(pl.Series([2, 1, 1]))
    assert found.rows() == [(0.0, 0.0), (33.333, 25.0), (66.667, 50.0), (100.0, 100.0)]


def test_a_curve_of_any_number_of_artists_has_a_hundred_points() -> None:
    assert 90 <= charts.curve(pl.Series(range(300_000))).height <= 102


def test_every_artist_is_in_one_square_that_holds_it() -> None:
    rows = [(0.01 * (place % 700 + 1), float((place * 37) % 4001 - 2000)) for place in range(3000)]
    frame = pl.DataFrame(rows, schema=["fan_intensity", "change"], orient="row")
    spec = charts.intensity(frame, "change", "EUR").to_dict()
    squares = max(spec["datasets"].values(), key=len)
    assert sum(square["artists"] for square in squares) == 3000
    assert len(squares) < 1500
    inside = [
        sum(one["artists"] for one in squares if one["x"] <= x < one["x2"] and one["y"] <= y < one["y2"])
        for x, y in rows[:200]
    ]
    assert min(inside) >= 1


def test_points_stand_for_artists_where_they_are_few() -> None:
    frame = pl.DataFrame({"fan_intensity": [0.5, 2.0, None], "change": [3.0, -3.0, 0.0]})
    spec = charts.intensity(frame, "change", "EUR").to_dict()
    assert [(0.5, 3.0), (2.0, -3.0)] in [
        [(row.get("x"), row["y"]) for row in rows] for rows in spec["datasets"].values()
    ]


def test_names_that_are_cut_to_the_same_stay_apart() -> None:
    long = "The same beginning of two names: "
    data, names = charts.named([(long + "one", 1.0), (long + "two", 2.0)])
    assert len(set(names)) == 2
    assert data["amount"].to_list() == [1.0, 2.0]


def test_columns_of_rules_are_told_by_their_place() -> None:
    frame = pl.DataFrame(
        schema=dict.fromkeys(("artist", "listeners", "p", "q", "q_difference", "q_change_percent"), pl.Int64)
    )
    assert rule_columns(frame, ["P", "Q"]) == [
        RuleColumns("P", "p"),
        RuleColumns("Q", "q", "q_difference", "q_change_percent"),
    ]


def test_a_folder_of_runs_is_answered_with_one_of_them(runs: Mapping[str, Path]) -> None:
    with pytest.raises(fairpay.InputError, match="is not a run") as refused:
        fairpay.report(runs["pay"].parent)
    assert refused.value.advice == f"Give one of the runs in it, such as {min(runs.values())}."


def test_a_page_for_a_folder_that_is_not_there_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(tmp_path / "none.csv"), "--report", str(tmp_path / "none" / "page.html")]) == 4
    assert f"there is no folder {tmp_path / 'none'}" in capsys.readouterr().err


def test_an_explanation_is_not_put_beside_a_run_without_a_word(runs: Mapping[str, Path], tmp_path: Path) -> None:
    found = fairpay.explain(plays(), fee="10", artist=next(iter(NAMES)))
    with pytest.raises(fairpay.UsageError, match="an explanation is no run"):
        fairpay.report(found, output=tmp_path / "page.html", against=runs["pay"])


def test_an_audit_that_was_not_written_is_saved_and_shown_as_one_that_was(
    runs: Mapping[str, Path], tmp_path: Path
) -> None:
    found = fairpay.audit(plays(), fee="10", royalty_rate="70%")
    found.save(tmp_path / "audit")
    for name in ("audit.csv", "audit.parquet", "summary.json"):
        assert (tmp_path / "audit" / name).read_bytes() == (runs["audit"] / name).read_bytes()
    assert "Rule by rule, EUR" in " ".join(words(fairpay.report(found, output=tmp_path / "page.html")))
