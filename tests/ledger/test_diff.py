"""Comparing months of the books: what payees were credited and are paid, and which kinds of rows moved it."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from laying import laid

import fairpay
from fairpay.cli import main
from fairpay.ledger.close import close
from fairpay.ledger.jobs import pool_in_words, rate
from fairpay.reports.tables import kinds_of

if TYPE_CHECKING:
    from fairpay.runs.diff import Difference

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worked quarter's first two months."""
    folder = tmp_path_factory.mktemp("books")
    (folder / "sample_data").symlink_to(ROOT / "sample_data")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for month in ("2026-07", "2026-08"):
            assert main(["close", "--config", f"sample_data/quarter/{month}.toml", "--books", "books", "--quiet"]) == 0
    return folder / "books"


@pytest.fixture(scope="module")
def found(books: Path) -> Difference:
    """August against July."""
    return fairpay.diff(books / "2026-07", books / "2026-08")


def test_what_moved_a_payout_is_told_by_kind_and_sums_to_the_change(found: Difference) -> None:
    assert found.table.height > 15
    for change, why in found.table.select("change", "why").iter_rows():
        assert sum(Decimal(amount) for amount in re.findall(r"[+-]\d+\.\d\d", why)) == change


def test_the_quarter_by_hand(found: Difference) -> None:
    told = {
        row[:3]: row[3:] for row in found.table.select("subject", "figure", "currency", "before", "after", "why").rows()
    }
    assert told["label-north", "payable", "EUR"] == (
        Decimal("0.00"),
        Decimal("11.50"),
        "-3.50 split from others, +15.00 recouped",
    )


def test_the_pools_of_the_month_give_the_rate_that_orders_currencies(found: Difference) -> None:
    assert found.ordered_in == "EUR"
    eur = {"USD": Decimal("0.9"), "EUR": Decimal(1)}
    sizes = [abs(change) * eur[code] for change, code in found.table.select("change", "currency").iter_rows()]
    assert sizes == sorted(sizes, reverse=True)


def test_reasons_are_in_words(found: Difference) -> None:
    told = [(one.what, one.name) for one in found.why]
    assert ("listening", "plays") in told
    assert ("input", "logs") in told
    assert ("option", "period") in told
    assert not [one for one in found.why if one.what == "option" and one.name in {"output", "books", "log", "pools"}]


def test_a_month_does_not_differ_from_itself(books: Path) -> None:
    same = fairpay.diff(books / "2026-08", books / "2026-08")
    assert (same.changed, same.table.height, same.why) == (0, 0, ())


def test_a_month_and_a_report_have_nothing_in_common(books: Path, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user,artist,seconds\nu1,a,300\n")
    fairpay.pay(tmp_path / "log.csv", rule="user-centric", fee="1.00", output=tmp_path / "out")
    with pytest.raises(fairpay.InputError, match="no payout in common"):
        fairpay.diff(books / "2026-08", tmp_path / "out")


def test_a_pool_is_told_in_its_currency() -> None:
    pool = {"name": "us", "rule": "user-centric", "base": 2000, "topup": 400, "scale": 2, "currency": "USD"}
    assert pool_in_words(pool) == "user-centric, 24.00 USD"


def test_of_several_currencies_each_row_has_the_digits_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the yen differ: 10,000 become 12,000, beside 1.00 EUR as before."""
    pools = "pool,territory,gross,currency,rule\nde,DE,1.00,EUR,market-centric\njp,JP,{},JPY,market-centric\n"
    log = "user,artist,country,plays\nu,a,DE,1\nv,b,JP,1\n"
    months = [("2026-09", "10000"), ("2026-10", "12000")]
    for period, gross in months:
        close(laid(tmp_path / period, log, period, pools=pools.format(gross), books=tmp_path / period / "books"))
    before, after = (str(tmp_path / period / "books" / period) for period, _ in months)
    out = tmp_path / "diff.csv"
    assert main(["diff", before, after, "-o", str(out)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "b credited JPY 10,000 12,000 +2,000 +20.0 % +2,000 earned" in shown
    assert "credited 1.00 1.00 0.00 EUR" in shown
    assert "credited,JPY,10000,12000,2000,20.00,+2000 earned" in out.read_text()
    assert main(["diff", before, after, "--json"]) == 0
    assert '"before": "10000"' in capsys.readouterr().out


def test_a_pool_that_is_exchanged_tells_the_rate() -> None:
    pool = {"base": 1800, "scale": 2, "royalty": "20", "currency": "EUR", "gross_currency": "USD"}
    assert rate(pool) == (("USD", "EUR"), 0.9)
    assert rate(pool | {"gross_currency": "EUR"}) is None


def test_the_tables_of_a_month_say_which_columns_are_money(books: Path) -> None:
    kinds = kinds_of(pq.read_schema(books / "2026-08" / "payables.parquet"))
    assert {name for name, kind in kinds.items() if kind == "money"} == {"amount"}
