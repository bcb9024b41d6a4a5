"""Whether two environments said the same."""

from typing import Any

import numpy as np
import pytest


def assert_same(ours: Any, theirs: Any, where: str = "") -> None:
    """Equal through containers; of an episode's report, the return up to how it is rounded."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for name in theirs:
            if name == "t":
                assert ours[name] >= 0
            elif name == "r":
                assert ours[name] == pytest.approx(theirs[name], abs=1e-6)
            else:
                assert_same(ours[name], theirs[name], f"{where}.{name}")
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), where
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{where}[{i}]")
    elif callable(theirs):
        assert callable(ours)
    else:
        np.testing.assert_array_equal(ours, theirs, err_msg=where)
        assert np.asarray(ours).dtype.kind == np.asarray(theirs).dtype.kind, where
