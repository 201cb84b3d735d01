"""fairpay: divide subscription money among artists, exactly, under any published payout rule."""

from __future__ import annotations

__version__ = "0.1.0"
