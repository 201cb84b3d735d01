"""Keep PyArrow from importing pandas, which the command line never uses and which takes longer than a small run."""

from __future__ import annotations

import sys

__all__ = ["leave_pandas_out"]


class NoPandas:
    """A finder that says there is no pandas."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:  # noqa: ARG004 - a finder's form
        """Find nothing, and let nobody look on for pandas.

        Raises:
            ModuleNotFoundError: for pandas.

        """
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def leave_pandas_out() -> None:
    """Let PyArrow look for pandas once, in vain.

    PyArrow imports pandas, where it is installed, the first time an array is made or read. This is for the command line
    only: a program that imports fairpay may want pandas itself.
    """
    if "pandas" in sys.modules:
        return
    import pyarrow as pa  # noqa: PLC0415 - only commands that read logs need it

    sys.meta_path.insert(0, NoPandas)
    try:
        pa.array([True]).to_numpy(zero_copy_only=False)
    finally:
        sys.meta_path.remove(NoPandas)
