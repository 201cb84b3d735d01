"""Numbers and names as people read them, as screens and pages alike write them."""

from __future__ import annotations

from fairpay.reports.words import amount, counted, duration, joined, month_of, percent, times, visible

__all__ = ["amount", "counted", "duration", "joined", "month_of", "percent", "times", "visible"]
