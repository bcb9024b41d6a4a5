"""Intervals of ratios over sessions."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes.resampling import estimate, ratio, share


def test_a_share_that_varies_has_a_bootstrap_interval():
    rng = np.random.default_rng(0)
    turns = rng.integers(5, 40, 300)
    off = rng.binomial(turns, 0.2)
    assert share(off, turns) == estimate(*ratio(off, turns))


@pytest.mark.parametrize("sessions", [50, 300, 3000])
def test_what_was_never_seen_is_not_known_to_be_never(sessions: int):
    """A share p of sessions goes unseen in all of N with probability (1 - p)**N."""
    turns = np.full(sessions, 10)
    never, always = share(np.zeros(sessions), turns), share(turns, turns)
    assert (never.value, never.low) == (0.0, 0.0)
    assert (1.0 - never.high) ** sessions == pytest.approx(0.025)
    assert never.high == pytest.approx(3.7 / sessions, rel=0.05)
    assert (always.value, always.high) == (1.0, 1.0)
    assert always.low == pytest.approx(1.0 - never.high)


def test_sessions_in_which_there_was_nothing_to_count_tell_nothing():
    turns = np.array([10] * 60 + [0] * 940)
    assert share(np.zeros(1000), turns).high == share(np.zeros(60), turns[:60]).high


def test_sessions_that_would_show_it_may_be_the_longest():
    turns = np.array([40] * 10 + [4] * 390)
    even = share(np.zeros(400), np.full(400, 4))
    assert share(np.zeros(400), turns).high == pytest.approx(even.high * 40 / turns.mean())
    assert share(np.zeros(50), np.array([1000] + [1] * 49)).high == 1.0
