"""Which listens count: each row is judged, and each row left out has a counted reason."""

from fairpay.qualify.qualifier import ByRow, Qualifier
from fairpay.qualify.tally import Counts, refused_rows

__all__ = ["ByRow", "Counts", "Qualifier", "refused_rows"]
