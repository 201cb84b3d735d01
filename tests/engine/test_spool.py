"""The file that takes what is too much for memory."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from listening_rows import batches_of, engine_with, make_rows

from fairpay.engine import spool as module
from fairpay.engine.spool import Spool, Stored, free_memory
from fairpay.errors import OutputError
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from pathlib import Path


def test_arrays_come_back_as_they_went() -> None:
    spool = Spool(Running(memory=0))
    arrays = [np.arange(7), np.empty((2, 0)), np.arange(6, dtype=np.uint32).reshape(2, 3)[:, ::2]]
    stored = [spool.store(x) for x in arrays]
    for before, kept in zip(arrays, stored, strict=True):
        after = spool.load(kept)
        assert isinstance(kept, Stored)
        assert (after.dtype, after.tolist()) == (before.dtype, before.tolist())
    assert spool.load(arrays[0]) is arrays[0]
    spool.close()


def test_a_spilling_run_leaves_no_file(tmp_path: Path) -> None:
    with engine_with(batches_of(make_rows(1), 100), memory=1, temp_dir=tmp_path) as engine:
        engine.finish()
        assert engine.spool.end > 0
        if os.name == "posix":
            assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_output_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.Spool, "write", full)
    with pytest.raises(OutputError, match="No space left") as caught:
        engine_with(batches_of(make_rows(1), 100), memory=1)
    assert "--temp-dir" in caught.value.advice


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not be written"):
        engine_with(batches_of(make_rows(1), 100), memory=1, temp_dir=tmp_path / "missing")


def test_the_machine_says_what_it_has_free() -> None:
    assert 2**20 < free_memory() < 2**50


def test_without_an_answer_the_fallback_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "machine_memory", list)
    monkeypatch.setattr(module, "group_memory", list)
    assert Spool(Running()).limit == module.FALLBACK
