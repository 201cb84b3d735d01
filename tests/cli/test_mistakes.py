"""Mistakes of ordinary use: each ends in one sentence, the nearest word, and a status."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fairpay
from fairpay.cli import main
from fairpay.kernels._jit import is_ours

SAMPLE = str(Path(__file__).parents[2] / "sample_data" / "listens.csv")


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `$F` is the program."""
    words = f'F="{sys.executable} -m fairpay"; {line}'
    return subprocess.run(["/bin/bash", "-c", words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (f"compare {SAMPLE} --fee 1 >&-", 4),
        (f"compare {SAMPLE} --fee 1 --quiet >&- 2>&-", 0),
        ("init month.toml --quiet >&-", 0),
        ("init month.toml >/dev/null 2>&-", 0),  # two sentences have nowhere to go
    ],
)
def test_closed_streams_are_no_traceback(tmp_path: Path, words: str, status: int) -> None:
    done = shell(f"cd {tmp_path}; $F {words}")
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def test_nothing_is_written_where_nobody_can_be_shown_anything(tmp_path: Path) -> None:
    assert shell(f"$F compare {SAMPLE} --fee 1 -o {tmp_path}/out >&-").returncode == 4
    assert not (tmp_path / "out").exists()


def test_a_rate_of_70_is_told_how_to_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", SAMPLE, "--royalty-rate", "70"]) == 2
    assert "Write 70% or 0.7." in capsys.readouterr().err


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FAIRPAY_ROYALTYRATE", "70%")
    assert main(["compare", SAMPLE, "--fee", "1"]) == 2
    assert "Did you mean FAIRPAY_ROYALTY_RATE?" in capsys.readouterr().err


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRPAY_PY", "x")
    assert main(["compare", SAMPLE, "--fee", "1", "--quiet"]) == 0


def test_a_misspelt_key_is_refused_with_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f.toml").write_text('royaltyrate = "70%"\n')
    assert main(["compare", SAMPLE, "--config", str(tmp_path / "f.toml")]) == 2
    assert "Did you mean royalty-rate?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["fee = " + "[" * 3000 + "]" * 3000, "threads = " + "9" * 5000, 'output = "a\\u0000b"']
)
def test_odd_config_values_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "f.toml").write_text(text)
    assert main(["compare", SAMPLE, "--fee", "1", "--config", str(tmp_path / "f.toml")]) in {2, 3, 4}


def test_places_that_are_none_are_status_4(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert [main(["compare", SAMPLE, "--fee", "1", "-o", place]) for place in ("/", str(tmp_path / "loop"))] == [4, 4]


def test_a_missing_directory_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "/nowhere/2026-07/"]) == 3
    assert "no such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "near"), [("royaltyrate", "royalty_rate"), ("min_second", "min_seconds")])
def test_a_misspelt_keyword_is_refused_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(fairpay.FairpayError, match=name) as refused:
        fairpay.compare(SAMPLE, **{name: "70%"})  # type: ignore[arg-type]
    assert refused.value.advice == f"Did you mean {near}?"


def test_a_rate_with_a_point_is_taken_exactly() -> None:
    results = [fairpay.compare(SAMPLE, fee="9.99", royalty_rate=rate) for rate in (0.7, "0.7")]  # type: ignore[arg-type]
    assert results[0].table.equals(results[1].table)
    assert len(repr(results[0])) < 200


def test_a_folder_that_others_can_write_keeps_no_compiled_code(tmp_path: Path) -> None:
    assert is_ours(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    assert not is_ours(tmp_path / "link")
    tmp_path.chmod(0o777)
    assert not is_ours(tmp_path)


FORBIDDEN = {
    **{f"{command} NO/log.csv --fee 1": 3 for command in ("compare", "audit", "suspects")},
    "pay NO/log.csv --rule market-centric --fee 1": 3,
    "check NO/log.csv": 3,
    "compare NO --fee 1": 3,
    "close --period 2026-07 --log NO/log.csv --pools NO/pools.csv --books BOOKS": 3,
    "verify NO/run": 3,
    "verify --books NO/books": 3,
    "synth NO/made.csv": 4,
    "compare LOG --fee 1 --rejects NO/rejects.csv": 4,
    "compare LOG --fee 1 -o NO/run": 4,
}
"""What is asked of a folder that one may not enter, with its status."""
EACH = """
import contextlib, io, json, sys
from fairpay.cli import main
for line in json.load(sys.stdin):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        status = main(line.split())
    print(json.dumps([status, said.getvalue()]))
"""


@pytest.fixture(scope="module")
def forbidden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """What each comes to, all in one process; root enters everything, and so gives that up first."""
    place = tmp_path_factory.mktemp("forbidden")
    (place / "no").mkdir(mode=0)
    caps = "-dac_override,-dac_read_search"
    less = ["setpriv", "--bounding-set", caps, "--inh-caps", caps]
    if os.geteuid() == 0 and not shutil.which(less[0]):
        pytest.skip("root may enter every folder")
    names = {"NO": str(place / "no"), "LOG": SAMPLE, "BOOKS": str(place / "books")}
    lines = [" ".join(re.sub("NO|LOG|BOOKS", lambda one: names[one[0]], word) for word in x.split()) for x in FORBIDDEN]
    words = [*(less if os.geteuid() == 0 else ()), sys.executable, "-c", EACH]
    done = subprocess.run(words, input=json.dumps(lines), capture_output=True, text=True, check=True)
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {words: (status, text) for words, (status, text) in zip(FORBIDDEN, said, strict=True)}


@pytest.mark.parametrize("words", FORBIDDEN)
def test_a_folder_one_may_not_enter_is_a_sentence_and_a_status(
    forbidden: dict[str, tuple[int, str]], words: str
) -> None:
    status, said = forbidden[words]
    assert status == FORBIDDEN[words]
    assert "ermission denied" in said
    assert "Traceback" not in said


def test_an_address_space_too_small_to_begin_in_is_a_sentence_and_status_4() -> None:
    for size in (700_000, 1_500_000, 2_000_000):
        done = shell(f"ulimit -v {size}; $F compare {SAMPLE} --fee 1")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 2), done.stderr
        assert "the address space is limited to" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--measure", "tine"], "tine"), (["--threads", "many"], "--threads"), (["--progress", "PLAIN"], "PLAIN")],
)
def test_words_that_mean_nothing_are_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", SAMPLE, *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "said"), [("abc", "it takes a whole number"), ("-1", "it is never below 0")])
def test_a_wrong_number_is_told_what_it_takes(typed: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", SAMPLE, "--fee", "1", "--top", typed]) == 2
    assert f"'--top': {said}\n" in capsys.readouterr().err
