"""The file of rows that were set aside."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fairpay.errors import OutputError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_rejects"]


def write_rejects(table: pa.Table, path: Path) -> None:
    """Write rejected rows as Parquet if `path` ends so, else as CSV: all of it, or nothing.

    Raises:
        OutputError: it cannot be written; a file that was there before is left alone.

    """
    import polars as pl  # noqa: PLC0415 - loaded where tables are written

    frame = pl.DataFrame(table)
    partial = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        partial = Path(name)
        with os.fdopen(handle, "wb") as out:
            if path.suffix.lower() in (".parquet", ".pq"):
                frame.write_parquet(out)
            else:
                frame.write_csv(out)
            out.flush()
            os.fsync(out.fileno())
        partial.chmod(0o644)
        partial.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        if partial is not None:
            partial.unlink(missing_ok=True)
        message = f"{path}: the rejects could not be written: {error}"
        raise OutputError(
            message, advice="Nothing else was written. Choose another place with --rejects FILE."
        ) from error
