"""Settings of hypothesis: the same examples every time, and no limit on time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("carousel", deadline=None, derandomize=True, database=None)
settings.load_profile("carousel")
