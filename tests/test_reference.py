"""The reference page is that of the code."""

from __future__ import annotations

from reference import PAGE, written


def test_the_reference_page_is_as_the_code_says() -> None:
    """`make reference` writes it."""
    page = PAGE.read_text(encoding="utf-8")
    assert "<!-- options -->" in page
    assert "<!-- summary -->" in page
    assert written(page) == page
