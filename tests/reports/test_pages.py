"""A page is text, pictures and tables, whatever names it holds; the same page gives the same bytes."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise, product
from pathlib import Path

import altair as alt
import polars as pl
import pytest

import fairpay
from fairpay.errors import UsageError
from fairpay.reports.pages import render as making
from fairpay.reports.pages.page import Figure, Labels, Page, PageColumn, PageTable, Section
from fairpay.reports.pages.pictures import COLOURS, GAIN, LOSS, PLAIN, short
from fairpay.reports.pages.render import render

NAMES = ("<script>alert(1)</script>", "{{7*7}}", "x" * 300, "مرحبا", "😀 音楽", "two\nlines\x07", "A & B \"C\" 'D'")
STYLE = (Path(fairpay.__file__).parent / "reports" / "pages" / "page.css").read_text(encoding="utf-8")


def bars(names: tuple[str, ...] = NAMES) -> Figure:
    """A picture with names."""
    data = pl.DataFrame({"name": [short(name) for name in names], "value": range(len(names))})
    chart = alt.Chart(data).mark_bar().encode(x=alt.X("value", title="EUR"), y=alt.Y("name", title=None))
    return Figure(names[0], alt=names[-1], chart=chart)


def lines() -> Figure:
    """A picture that is clipped, and with a legend, which both have ids."""
    data = pl.DataFrame({"x": [0, 1, 0, 1], "y": [0, 1, 0, 2], "rule": ["a", "a", "b", "b"]})
    return Figure(
        "Lines", alt="b is above a.", chart=alt.Chart(data).mark_line(clip=True).encode(x="x", y="y", color="rule")
    )


def page(*parts: object, title: str = "title", headline: str = "headline") -> str:
    """Make a page of one section."""
    return render(Page(title=title, headline=headline, sections=(Section("section", parts),)))  # type: ignore[arg-type]


def everywhere(names: tuple[str, ...] = NAMES) -> str:
    """Make a page with names wherever a page has text."""
    table = PageTable(names[0], [PageColumn(name) for name in names], [names, names], note=names[0])
    facts = Labels([(name, name) for name in names])
    return page(*names, facts, bars(names), lines(), table, title=names[0], headline=" ".join(names))


class Outline(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)


def test_names_stand_as_text_wherever_a_page_has_text() -> None:
    found = Outline(everywhere())
    assert {tag for tag, _ in found.tags} & {"script", "img", "iframe", "link", "object"} == set()
    for name in NAMES[:5]:
        assert sum(name in text for text in found.texts) > 4
    assert not any("49" in text for text in found.texts)


def test_what_would_break_a_line_stands_as_an_escape() -> None:
    assert any(r"two\nlines\x07" in text for text in Outline(everywhere()).texts)


def test_a_page_asks_for_nothing_and_allows_no_script() -> None:
    found = Outline(everywhere())
    names = {name for _, attributes in found.tags for name in attributes}
    assert names & {"src", "href", "onload", "onclick", "xlink:href", "data", "action"} == set()
    assert re.findall(r"url\((?!#)|@import|https?://(?!www\.w3\.org/)", everywhere()) == []
    policy = next(a for _, a in found.tags if a.get("http-equiv"))
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_same_page_gives_the_same_text() -> None:
    assert everywhere() == everywhere()


def test_no_two_elements_of_a_page_have_the_same_id_and_every_reference_has_one() -> None:
    text = everywhere()
    found = [attributes["id"] for _, attributes in Outline(text).tags if "id" in attributes]
    assert len(found) == len(set(found)) > 6
    named = {name for a in Outline(text).tags for name in (a[1].get("aria-labelledby") or "").split()}
    assert (named | set(re.findall(r"url\(#([^)]*)\)", text))) <= set(found)


def test_a_picture_says_in_words_what_one_sees() -> None:
    drawn = page(bars(("Title <1>", "Words & more")))
    assert (
        '<title id="picture-1-title">Title &lt;1&gt;</title><desc id="picture-1-desc">Words &amp; more</desc>' in drawn
    )
    assert 'role="img" aria-labelledby="picture-1-title picture-1-desc"' in drawn


def test_headings_come_in_order_and_the_page_says_its_language() -> None:
    found = Outline(everywhere())
    assert [tag for tag, _ in found.tags if re.fullmatch(r"h\d", tag)] == ["h1", "h2"]
    assert ("html", {"lang": "en"}) in found.tags


def test_every_heading_of_a_table_says_what_it_heads() -> None:
    found = Outline(everywhere())
    heads = [attributes.get("scope") for tag, attributes in found.tags if tag == "th"]
    assert heads == ["col"] * len(NAMES) + ["row"] * 2
    assert [tag for tag, _ in found.tags].count("caption") == 1


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("money", "1022.60", "1,022.60"),
        ("money", pl.Series(["-0.50"]).cast(pl.Decimal(38, 2))[0], "-0.50"),
        ("change", "12.730", "+12.730"),
        ("change", "-3.20", "-3.20"),
        ("change", "0.00", "0.00"),
        ("count", 5842, "5,842"),
        ("share", 0.192563, "19.3 %"),
        ("percent", "-27.77", "-27.8 %"),
        ("times", 8.03, "8.0x"),
        ("text", "a\nb", r"a\nb"),
        ("money", None, "-"),
    ],
)
def test_a_column_writes_what_it_holds(kind: str, value: object, text: str) -> None:
    assert PageColumn("title", kind).text(value) == text  # type: ignore[arg-type]


def test_a_table_says_how_many_rows_it_leaves_out_and_where_they_are() -> None:
    frame = pl.DataFrame({"b": range(30), "a": range(30)})
    columns = {"a": PageColumn("A", "count"), "b": PageColumn("B", "count")}
    assert PageTable.of(frame, "t", columns, first=28, file="x.csv").note == "2 more rows are in x.csv."
    assert PageTable.of(frame, "t", columns, first=29, file="x.csv").note == "1 more row is in x.csv."
    assert PageTable.of(frame, "t", columns, first=30, file="x.csv").note == ""
    assert PageTable.of(frame, "t", columns, first=1, file="x.csv").lines[0][0][0].title == "A"


@pytest.mark.parametrize(
    ("name", "text"), [("abcdef", "abcdef"), ("abcdefg", "abcde…"), ("音楽音", "音楽音"), ("音楽音楽", "音楽…")]
)
def test_a_name_is_cut_by_the_room_it_takes(name: str, text: str) -> None:
    assert short(name, 6) == text


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def papers() -> list[dict[str, str]]:
    """The colours of the light page, the dark page, and paper."""
    return [dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in re.findall(r":root \{([^}]*)\}", STYLE)]


def test_text_stands_out_from_its_page_by_4_5_to_1() -> None:
    assert len(papers()) == 3
    assert [c for c in papers() for ink in ("ink", "soft") if contrast(c["paper"], c[ink]) < 4.5] == []


def test_marks_stand_out_from_every_page_by_3_to_1() -> None:
    marks = {*COLOURS, GAIN, LOSS, PLAIN}
    assert [(m, c) for m, c in product(marks, papers()) if contrast(m, c["paper"]) < 3] == []


def test_a_missing_library_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "find_spec", lambda name: None if name == "altair" else name)
    with pytest.raises(UsageError, match="pages need the library altair") as refused:
        everywhere()
    assert refused.value.advice.endswith("pip install 'fairpay[report]'.")
    assert refused.value.status == 2


def test_pictures_follow_each_other_in_their_order() -> None:
    found = re.findall(r'id="picture-(\d)-title"', page(bars(), lines(), bars()))
    assert [int(b) - int(a) for a, b in pairwise(found)] == [1, 1]
