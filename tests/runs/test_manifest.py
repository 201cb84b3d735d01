"""The manifest: it says all that made a run, tells runs apart, and notices a change by hand."""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from fairpay.errors import InputError
from fairpay.reports.outcome import Control, InputFile
from fairpay.runs.inputs import HashedInputs
from fairpay.runs.manifest import describe, fingerprint, read_manifest, seal, sealed

if TYPE_CHECKING:
    from pathlib import Path

INPUT: dict[str, Any] = {"name": "a.csv", "size": 3, "sha256": "00"}


def mark(*, command: str = "compare", inputs: Any = (INPUT,), **options: Any) -> str:  # noqa: ANN401 - option values
    """Take a fingerprint; options come from flags."""
    asked = {name: (value, "flag") for name, value in {"fee": "9.99", **options}.items()}
    return fingerprint(command=command, options=asked, inputs=inputs)


def hashing(*paths: str | Path) -> HashedInputs:
    """Begin to hash inputs."""
    return HashedInputs([InputFile("logs", str(path)) for path in paths])


def hashed(*paths: str | Path) -> list[dict[str, Any]]:
    """Hash inputs."""
    return hashing(*paths).records()


def test_size_and_hash_of_inputs_are_theirs(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(content)
    expected = {
        "role": "logs",
        "name": str(tmp_path / "a"),
        "size": 3_000_000,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert hashed(tmp_path / "a") == [expected]


def test_inputs_keep_their_order_and_are_hashed_once(tmp_path: Path) -> None:
    for name in "ba":
        (tmp_path / name).write_text(name)
    paths = [tmp_path / "b", tmp_path / "a", tmp_path / "b"]
    inputs = hashing(*paths)
    assert [record["name"] for record in inputs.records()] == [*map(str, paths)]
    assert [*inputs.hashes] == [str(tmp_path / "b"), str(tmp_path / "a")]


def test_a_remote_input_has_no_hash() -> None:
    name = "s3://bucket/log.parquet"
    assert hashed(name) == [{"role": "logs", "name": name, "size": None, "sha256": None}]


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert hashed(tmp_path / "pipe")[0]["sha256"] is None


def test_an_input_that_is_gone_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        hashed(tmp_path / "none.csv")


def test_an_input_that_changes_during_the_run_is_noticed(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user,artist\n")
    hasher = hashing(log)
    hasher.thread.join()
    time.sleep(0.02)
    log.write_text("user,artist\nu,a\n")
    with pytest.raises(InputError, match="changed while it was read"):
        hasher.records()


def test_an_input_that_vanishes_during_the_run_is_noticed(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user,artist\n")
    hasher = hashing(log)
    hasher.thread.join()
    log.unlink()
    with pytest.raises(InputError, match="changed while it was read"):
        hasher.records()


@pytest.mark.parametrize("name", ["memory", "threads", "batch_rows", "temp_dir", "progress", "force", "quiet", "json"])
def test_options_that_change_no_result_do_not_change_the_fingerprint(name: str) -> None:
    assert mark() == mark(**{name: "7"})


@pytest.mark.parametrize("name", ["fee", "rule", "min_seconds", "currency", "measure", "since", "some_future_option"])
def test_every_other_option_does(name: str) -> None:
    assert mark() != mark(**{name: "7"})


def test_the_origin_of_an_option_does_not_matter() -> None:
    marks = {fingerprint(command="pay", options={"fee": ("1", o)}, inputs=[INPUT]) for o in ("flag", "default", "file")}
    assert len(marks) == 1


def test_the_command_matters() -> None:
    assert mark(command="compare") != mark(command="pay")


def test_order_and_folder_of_inputs_do_not_matter() -> None:
    other = {"name": "b.csv", "size": 4, "sha256": "01"}
    moved = {**INPUT, "name": "elsewhere/a.csv"}
    assert mark(inputs=[INPUT, other]) == mark(inputs=[other, moved])


def test_the_content_of_inputs_matters() -> None:
    assert mark() != mark(inputs=[{**INPUT, "sha256": "01"}])


@pytest.mark.parametrize("inputs", [[], [{"name": "s3://b/l", "size": None, "sha256": None}]])
def test_what_was_not_hashed_is_never_the_same_run(inputs: list[dict[str, Any]]) -> None:
    assert mark(inputs=inputs) != mark(inputs=inputs)


def test_a_sealed_manifest_survives_json() -> None:
    manifest = describe(
        command="compare",
        options={"columns": ({"user": "u"}, "flag"), "rate": (0.7, "python")},
        inputs=[INPUT],
        controls=[Control("rows", ok=True, detail="1 = 1")],
    )
    assert sealed(json.loads(json.dumps(seal(manifest))))


@pytest.mark.parametrize("key", ["fairpay", "command", "options", "inputs", "created"])
def test_a_change_of_any_part_breaks_the_seal(key: str) -> None:
    manifest = seal(describe(command="compare", options={"fee": ("1", "flag")}, inputs=[INPUT], controls=[]))
    assert sealed(manifest)
    assert not sealed({**manifest, key: "other"})


def test_every_option_is_recorded_with_its_origin() -> None:
    manifest = describe(command="pay", options={"fee": ("9.99", "FAIRPAY_FEE")}, inputs=[], controls=[])
    assert manifest["options"] == {"fee": {"value": "9.99", "origin": "FAIRPAY_FEE"}}


def test_versions_of_what_computes_are_recorded() -> None:
    manifest = describe(command="pay", options={}, inputs=[], controls=[])
    assert set(manifest["versions"]) == {"python", "numba", "numpy", "polars", "pyarrow"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "not a manifest"),
        ('{"a": 1}', "not a manifest"),
        ('{"fingerprint": "f", "inputs": [], "controls": [], "outputs": [{}]}', "not a manifest"),
        ('{"fingerprint": "f", "inputs": [3], "controls": [], "outputs": []}', "not a manifest"),
        (
            '{"fingerprint": "", "inputs": [], "controls": [], "outputs": [{"name": "../a", "size": 1, "sha256": ""}]}',
            "not a manifest",
        ),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=message):
        read_manifest(tmp_path)
