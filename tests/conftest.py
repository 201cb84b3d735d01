"""What all tests share: `naive` and its like are imported by name from this folder."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# The first call of a kernel compiles it, which takes seconds and says nothing about a test.
settings.register_profile("fairpay", deadline=None)
settings.load_profile("fairpay")
