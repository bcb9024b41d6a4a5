"""How many examples a property is tried with: few in `make test`, many in `make test-long`."""

from __future__ import annotations

from hypothesis import settings


def examples(number: int) -> settings:
    """As many examples in proportion to the profile's as `number` is to 100.

    For properties whose examples take longer, or less long, than most.
    """
    return settings(max_examples=max(5, number * settings.default.max_examples // 100))
