"""What all tests share: `naive` and its like are imported by name from this folder."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "support"))

# The first call of a kernel compiles it, which takes seconds and says nothing about a test. `make test` tries the same
# examples every time, so that a change and not chance makes it fail; `make test-all` looks at others each time.
settings.register_profile("fairpay", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.register_profile("few", deadline=None, derandomize=True, max_examples=20)
settings.load_profile("fairpay")
