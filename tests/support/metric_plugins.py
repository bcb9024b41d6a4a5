"""Metrics of plugins, for as long as a test runs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from carousel_envs.foundation import plugins
from carousel_envs.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

LONGEST_RUN = '''\
"""The longest run of turns with one persona, and the share of engaged turns after the fourth."""

import numpy as np

from carousel_envs.metrics import Metric, register


class LongestRun:
    def start(self, lanes):
        return np.zeros(lanes, dtype=np.int64), np.zeros(lanes, dtype=np.int64)

    def turn(self, state, turn):
        if "swapped" not in turn.info:
            return None
        run, longest = state
        run = np.where(turn.info["swapped"], 1, run + 1)
        return run, np.maximum(longest, run)

    def total(self, state):
        return state[1]


class Late:
    def start(self, lanes):
        return np.zeros(lanes), 0

    def turn(self, state, turn):
        if "engagement_mean" not in turn.info:
            return None
        engaged, turns = state
        late = turn.number >= 4
        return engaged + late * (turn.info["engagement_mean"] > 0.5), turns + late

    def total(self, state):
        engaged, turns = state
        return engaged / turns if turns else np.full(len(engaged), np.nan)


register(
    Metric(
        "longest_run",
        "mean over sessions of the most turns in a row with one persona",
        memory=LongestRun(),
        dtype=np.int64,
    )
)
register(
    Metric(
        "engaged_late",
        "share of turns after the fourth with an expected engagement above one half",
        memory=Late(),
        label="engaged late",
        share=True,
    )
)
'''
NAMES = ("longest_run", "engaged_late")


@contextmanager
def restored() -> Iterator[None]:
    """Forget what is registered inside."""
    METRICS._load()
    records, origin = dict(METRICS._records), dict(METRICS._origin)
    modules = set(sys.modules)
    try:
        yield
    finally:
        METRICS._records, METRICS._origin = records, origin
        for name in sys.modules.keys() - modules:
            if name.startswith("plugin_"):
                del sys.modules[name]


def write_plugin(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str = LONGEST_RUN) -> Path:
    """Name a plugin of this text in the environment, as a user does."""
    path = folder / "plugin_metrics.py"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv(plugins.VARIABLE, str(path))
    monkeypatch.setattr(plugins, "_NAMED", set())
    return path
