"""Whatever byte is changed in a finished run or in books, `verify` names it and never falls over."""

from __future__ import annotations

import json
import os
import random
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from quarter import ROOT, STEPS, copied
from runs import refit

from fairpay.cli import main
from fairpay.errors import InputError
from fairpay.ledger.model import Ledger
from fairpay.ledger.store import shelf
from fairpay.ledger.verify import verify_books
from fairpay.runs.manifest import seal
from fairpay.runs.outputs import as_json
from fairpay.runs.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairpay.reports.outcome import Control


def flip(path: Path, rng: random.Random) -> None:
    """Change one bit."""
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def cut(path: Path, rng: random.Random) -> None:
    """Let the file end early."""
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def grow(path: Path, rng: random.Random) -> None:
    """Add white space or bytes."""
    path.write_bytes(path.read_bytes() + rng.choice([b"\n", b" ", b"\0", b"{}"]))


def space(path: Path, rng: random.Random) -> None:
    """Put a blank where there was none."""
    data = path.read_bytes()
    at = rng.randrange(len(data))
    path.write_bytes(data[:at] + b" " + data[at:])


def remove(path: Path, _: random.Random) -> None:
    """Take the file away."""
    path.unlink()


def pipe(path: Path, _: random.Random) -> None:
    """Put a pipe in its place, which nobody ever writes to."""
    path.unlink()
    os.mkfifo(path)


def beside(path: Path, rng: random.Random) -> None:
    """Add a file."""
    (path.parent / rng.choice([".hidden", "payables-2.csv", "notes"])).write_text("")


def tampered(root: Path, seed: int) -> str:
    """Change one thing below a directory; say what."""
    rng = random.Random(seed)  # noqa: S311 - what is spoilt, not a secret
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != ".lock")
    path = rng.choice([file for file in files if file.stat().st_size])
    how = rng.choice([flip, flip, flip, cut, grow, space, remove, pipe, beside])
    how(path, rng)
    return f"{how.__name__} {path.relative_to(root)}"


def noticed(check: Callable[[], list[Control]]) -> bool:
    """Whether a control fails, or the place is refused."""
    try:
        return not all(control.ok for control in check())
    except InputError:
        return True


def missed(root: Path, scratch: Path, seeds: range, check: Callable[[Path], list[Control]]) -> list[str]:
    """What is not noticed of some changes, each made to a fresh copy."""
    found = []
    for seed in seeds:
        own = copied(root, scratch / str(seed))
        what = tampered(own, seed)
        if not noticed(lambda own=own: check(own)):  # type: ignore[misc]
            found.append(f"{seed}: {what}")
        shutil.rmtree(own)
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished comparison, away from its input; tests copy it before they change anything."""
    place = tmp_path_factory.mktemp("run")
    log = place / "plays.csv"
    log.write_text("user,artist,plays\nu1,a1,3\nu2,a2,4\n")
    assert main(["compare", str(log), "--fee", "5", "-o", str(place / "run"), "--quiet"]) == 0
    return place / "run"


def test_a_changed_run_is_noticed(run: Path, tmp_path: Path) -> None:
    assert missed(run, tmp_path / "copies", range(100), lambda own: verify(own, inputs=False)) == []


def test_changed_books_are_noticed(books: Path, tmp_path: Path) -> None:
    assert missed(books, tmp_path / "copies", range(10), verify_books) == []


@pytest.mark.nightly
def test_changed_books_are_noticed_a_thousand_times(books: Path, tmp_path: Path) -> None:
    assert missed(books, tmp_path / "copies", range(1000, 2000), verify_books) == []


@pytest.mark.nightly
def test_a_changed_run_is_noticed_three_thousand_times(run: Path, tmp_path: Path) -> None:
    assert missed(run, tmp_path / "copies", range(1000, 4000), lambda own: verify(own, inputs=False)) == []


@pytest.fixture(scope="module")
def july(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The books after one month, for what is spoilt in one."""
    made = tmp_path_factory.mktemp("july") / "books"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        assert main([*STEPS[0], "--books", str(made), "--quiet"]) == 0
    return made


@pytest.mark.parametrize("where", ["run", "books"])
@pytest.mark.parametrize("seeds", [range(16), pytest.param(range(16, 200), marks=pytest.mark.nightly)])
def test_damage_that_the_hashes_fit_is_a_control_that_fails(
    run: Path, july: Path, tmp_path: Path, where: str, seeds: range
) -> None:
    """Nothing but a failed control comes of it: no panic of a library, no traceback."""
    unnoticed = 0
    for seed in seeds:
        own = copied(run if where == "run" else july, tmp_path / "copies" / str(seed))
        inside = own if where == "run" else own / "2026-07"
        rng = random.Random(seed)  # noqa: S311 - what is spoilt, not a secret
        rng.choice([flip, flip, cut])(inside / ("comparison.parquet" if where == "run" else "ledger.parquet"), rng)
        refit(inside)
        controls = verify(own, inputs=False) if where == "run" else verify_books(own)
        unnoticed += all(control.ok for control in controls)
    assert unnoticed == 0 or where == "run"  # nothing says what a run sealed again should have been


MANIFESTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a size under another name": lambda m: m["outputs"][0].update(sizf=m["outputs"][0].pop("size")),
    "a size that is text": lambda m: m["outputs"][0].update(size="x"),
    "half a surrogate pair": lambda m: m["controls"][0].update(detail="\ud800"),
    "a name that is none": lambda m: m["outputs"][0].update(name=3),
    "a NUL in a name": lambda m: m["outputs"][0].update(name="a\0b"),
    "a NUL in an input": lambda m: m["inputs"][0].update(name="a\0b"),
    "no books": lambda m: m.update(books=[]),
    "no facts": lambda m: m.get("books", {}).pop("facts", None) or m.pop("controls"),
    "facts that are a list": lambda m: m.get("books", m).update(facts=[], fingerprint=None),
    "pools that are text": lambda m: m.get("books", {"facts": m})["facts"].update(pools="x", outputs="x"),
    "adjustments that are numbers": lambda m: m.get("books", m).update(adjustments=[1], outputs=1),
    "a previous that is a number": lambda m: m.get("books", m).update(previous=1, inputs=1),
    "a period that is a list": lambda m: m.get("books", m).update(period=[], controls=1),
    "numbers too large for int64": lambda m: m["outputs"][0].update(size=10**40),
    "rows that are text": lambda m: m["outputs"][0].update(rows="x"),
    "no rows": lambda m: m["outputs"][0].pop("rows"),
}


@pytest.mark.parametrize("what", MANIFESTS)
@pytest.mark.parametrize("sealing", [True, False])
@pytest.mark.parametrize("where", ["run", "books"])
def test_a_manifest_of_odd_parts_is_noticed(  # noqa: PLR0913 - fixtures and parameters
    run: Path, july: Path, tmp_path: Path, what: str, where: str, *, sealing: bool
) -> None:
    own = copied(run if where == "run" else july, tmp_path / "copy")
    path = (own if where == "run" else own / "2026-07") / "manifest.json"
    manifest = json.loads(path.read_text())
    MANIFESTS[what](manifest)
    path.write_bytes(as_json(seal(manifest) if sealing else manifest))
    words = ["verify", *(["--books"] if where == "books" else []), str(own), "--quiet"]
    harmless = sealing and where == "run"  # nothing says what a run sealed again should have been
    assert main(words) in ({0, 8} if harmless else {8})


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"a": ' + "9" * 5000 + "}"])
@pytest.mark.parametrize("where", ["run", "books"])
def test_a_manifest_that_is_none_is_noticed(run: Path, july: Path, tmp_path: Path, where: str, text: str) -> None:
    own = copied(run if where == "run" else july, tmp_path / "copy")
    path = (own if where == "run" else own / "2026-07") / "manifest.json"
    path.write_text(text)
    assert main(["verify", *(["--books"] if where == "books" else []), str(own), "--quiet"]) == 8


def failing(books: Path) -> dict[str, str]:
    """The controls that do not hold, with what they say."""
    return {control.name: control.detail for control in verify_books(books) if not control.ok}


def test_a_last_month_that_is_gone_stops_an_adjustment(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")
    shutil.rmtree(own / "2026-09")
    assert main(["adjust", "--books", str(own), "--period", "2026-08", "--undo", "x", "--quiet"]) == 3


def test_the_head_is_shown_with_the_whole_hash(books: Path) -> None:
    head = {control.name: control.detail for control in verify_books(books)}["books head"]
    sha256 = json.loads((books / "head.json").read_text())["manifest_sha256"]
    assert head == f"last is 2026-09, manifest sha256 {sha256}: keep it elsewhere too"


def unsplit(path: Path) -> None:
    """Change an option in a manifest."""
    text = path.read_text()
    path.write_text(text.replace('"unsplit": "pay"', '"unsplit": "suspend"'))
    assert path.read_text() != text


SPOILT: dict[str, tuple[Callable[[Path], object], dict[str, str]]] = {
    "a changed manifest": (
        lambda books: unsplit(books / "2026-07/manifest.json"),
        {"2026-07 files": "", "2026-08 link": ""},
    ),
    "a missing month": (
        lambda books: shutil.rmtree(books / "2026-08"),
        {"2026-09 order": "2026-08 is missing before 2026-09"},
    ),
    "a missing first month": (lambda books: shutil.rmtree(books / "2026-07"), {"2026-08 first": ""}),
    "a missing last month": (
        lambda books: shutil.rmtree(books / "2026-09"),
        {"books head": "2026-09, which was written last, is gone"},
    ),
    "a missing adjustment": (
        lambda books: shutil.rmtree(shelf(books).adjustments[0].directory),
        {"2026-08 adjustments listed": "", "2026-08 adjustments": ""},
    ),
    "a file that was slipped in": (
        lambda books: (books / "2026-07" / "payables-2.csv").write_text("pay me\n"),
        {"2026-07 files": "payables-2.csv"},
    ),
    "a missing head": (lambda books: (books / "head.json").unlink(), {"books head": ""}),
    **{
        f"{more!r} after the head": (
            lambda books, more=more: (books / "head.json").write_bytes((books / "head.json").read_bytes() + more),
            {"books head": ""},
        )
        for more in (b"\n", b" ")
    },
    **{
        f"{name} beside the months": (lambda books, name=name: (books / name).mkdir(), {"books files": name})
        for name in ("notes.txt", "2026-9", "adjustments/x", "adjustments/abcd-2026-07")
    },
}


def test_each_changed_file_is_named(books: Path, tmp_path: Path) -> None:
    own = copied(books, tmp_path / "books")
    names = ("ledger.parquet", "ledger.csv", "payables.csv", "statements.xlsx", "input-pools.csv")
    for name in names:
        (own / "2026-08" / name).write_bytes((own / "2026-08" / name).read_bytes()[:-1] + b"?")
    found = failing(own)["2026-08 files"]
    assert [name for name in names if f"{name} was changed" not in found] == []


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_wrong_with_books_is_named(books: Path, tmp_path: Path, what: str) -> None:
    own = copied(books, tmp_path / "books")
    spoil, expected = SPOILT[what]
    spoil(own)
    found = failing(own)
    assert {name for name, detail in expected.items() if detail not in found.get(name, "it holds")} == set()
    assert set(found) >= set(expected)


def one_more(row: dict[str, Any]) -> None:
    if (row["kind"], row["payee"], row["currency"]) == ("payable", "bix", "EUR"):
        row["amount_minor"] += 1


def another_payee(row: dict[str, Any]) -> None:
    if (row["payee"], row["currency"]) == ("writer-x", "EUR"):
        row["payee"] = "writer-y"


def more_earned(row: dict[str, Any]) -> None:
    if row["payee"] == "bix" and row["kind"] in {"earned", "payable"} and row["currency"] == "EUR":
        row["amount_minor"] += 100


@pytest.mark.parametrize(
    ("month", "change", "named"),
    [
        ("2026-09", one_more, {"books head", "2026-09 accounts", "2026-09 total", "2026-09 tables"}),
        ("2026-08", another_payee, {"2026-08 carry_in", "2026-08 tables", "2026-09 link"}),
        ("2026-09", more_earned, {"2026-09 pool de-family"}),
    ],
)
def test_money_made_or_moved_is_found_though_the_hashes_fit(
    books: Path, tmp_path: Path, month: str, change: Callable[[dict[str, Any]], None], named: set[str]
) -> None:
    own = copied(books, tmp_path / "books")
    path = own / month / "ledger.parquet"
    rows = pq.read_table(path).to_pylist()
    before = [dict(row) for row in rows]
    for row in rows:
        change(row)
    assert rows != before
    pq.write_table(pa.Table.from_pylist(rows, schema=next(Ledger.of([]).tables()).schema), path, compression="zstd")
    refit(own / month)
    assert named <= set(failing(own))
    assert change is not one_more or set(failing(own)) == named


def test_a_directory_without_books_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no month is closed"):
        verify_books(tmp_path)
