"""What two vector environments returned, compared."""

from __future__ import annotations

import numpy as np


def assert_same(one: tuple, other: tuple) -> None:
    """Arrays of equal dtype and content, and equal infos."""
    for a, b in zip(one[:-1], other[:-1], strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert_same_info(one[-1], other[-1])


def assert_same_info(one: dict, other: dict) -> None:
    """What either holds where its mask says so; a key without any lane may be left out."""
    assert {k for k in one if not k.startswith("_") and one[f"_{k}"].any()} == {
        k for k in other if not k.startswith("_")
    }
    for key, value in other.items():
        if key.startswith("_"):
            np.testing.assert_array_equal(one[key], value)
        elif isinstance(value, dict):
            assert_same_info(one[key], value)
        else:
            for lane in np.flatnonzero(other[f"_{key}"]):
                np.testing.assert_array_equal(one[key][lane], value[lane])
