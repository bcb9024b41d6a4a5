"""What routers refuse: rows, cues and users that their state or tables do not have.

Compiled passes do not look whether an index lies inside; whatever comes in, they must stay there.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from carousel_agents import scripted
from carousel_agents.scripted.cue_pattern import CuePatternPolicy
from carousel_agents.scripted.linear_arms import LinearArms
from carousel_agents.scripted.linear_bandit import LinearBanditPolicy
from carousel_agents.scripted.masked_planner import AlwaysPolicy
from carousel_agents.scripted.sequential_test import TrainingTest
from carousel_envs import CarouselError, Columns, Population
from carousel_envs.reference import Filter
from carousel_envs.reference.acting.contexts import ContextIndex
from carousel_envs.reference.acting.open_loop import SchedulePolicy, UniformPolicy
from carousel_envs.reference.known_user.frontier import engagement_optimal
from carousel_envs.reference.known_user.memoryless import MemorylessPolicy
from carousel_envs.users.cues import cue_table

TASTE = Population.preset("Taste")
BOREDOM = Population.preset("Boredom")
WELFARE = Population.preset("Welfare").replace(session_length=4)
COLUMNS = Columns.of(TASTE)
N_ACTIONS = COLUMNS.n_actions


def cue_pattern():
    from_cues = cue_table(TASTE)
    matches = np.zeros(len(from_cues.levels), dtype=np.bool_)
    return CuePatternPolicy(COLUMNS, from_cues.strides, matches, 1, np.arange(N_ACTIONS), "never")


def memoryless():
    table = cue_table(TASTE)
    swap = np.zeros((40, 40, 2 * len(table.levels)), dtype=np.bool_)
    return MemorylessPolicy(COLUMNS, table.strides, swap)


def schedule(contexts):
    known = ContextIndex(COLUMNS, np.array(contexts))
    return SchedulePolicy(COLUMNS, known, np.zeros((len(contexts), 40), dtype=np.int64))


def bandit(*, samples):
    width = COLUMNS.width
    low, scale, arms = np.zeros(width), np.ones(width), LinearArms.blank(N_ACTIONS, width + 1)
    return LinearBanditPolicy(low, scale, COLUMNS.available, arms, 1.0, samples)


@lru_cache(maxsize=1)
def clairvoyant():
    return scripted.make("clairvoyant", BOREDOM).policy


class Watching:
    """The beliefs of a filter, or the evidence of a test, as the state of a router."""

    def __init__(self, start, update):
        self.initial_state = lambda lanes, seed: start(lanes)
        self.act = lambda shown, state: (None, update(state, shown))


@lru_cache(maxsize=1)
def training_test():
    test = TrainingTest(BOREDOM.replace(session_length=4))
    return Watching(test.start, test.update)


@lru_cache(maxsize=1)
def controller():
    return engagement_optimal(WELFARE).policy


def filtered():
    known = Filter(TASTE)
    return Watching(known.start, known.update)


STATELESS = {
    "memoryless": memoryless,
    "always": lambda: AlwaysPolicy(COLUMNS, 1),
    "schedule": lambda: schedule([15]),
    "schedules": lambda: schedule([7, 15]),
}
WITH_STATE = {
    "filter": filtered,
    "test": training_test,
    "controller": controller,
    "cue-pattern": cue_pattern,
    "uniform": lambda: UniformPolicy(COLUMNS),
    "lin-ucb": lambda: bandit(samples=False),
    "linear-thompson": lambda: bandit(samples=True),
}
READS_CUES = ["filter", "test", "controller", "cue-pattern", "memoryless"]
POLICIES = {**STATELESS, **WITH_STATE}


def columns_of(name):
    """What a policy reads."""
    others = {"test": BOREDOM, "controller": WELFARE}
    return Columns.of(others.get(name, TASTE))


def shown_to(name, rows):
    """Observations after a turn of the first persona, everybody there."""
    columns = columns_of(name)
    shown = np.zeros((rows, columns.width), dtype=np.float32)
    shown[:, columns.available] = 1.0
    shown[:, [columns.persona.start, columns.streak]] = 1.0
    return shown


@pytest.mark.parametrize("name", POLICIES)
def test_policies_refuse_an_observation_of_too_few_columns(name):
    policy = POLICIES[name]()
    with pytest.raises(CarouselError, match=r"must have \d+( columns|$)"):
        policy.act(np.ones((3, 6), dtype=np.float32), policy.initial_state(3, 0))


@pytest.mark.parametrize(("lanes", "rows"), [(3, 6), (4000, 6), (6, 3000), (1, 6), (6, 0)])
@pytest.mark.parametrize("name", WITH_STATE)
def test_a_row_per_lane_of_the_state_is_asked_for(name, lanes, rows):
    policy = WITH_STATE[name]()
    state = policy.initial_state(lanes, 0)
    with pytest.raises(CarouselError, match=f"has {rows} rows; it must have {lanes}, one for each"):
        policy.act(shown_to(name, rows), state)


@pytest.mark.parametrize("level", [50.0, -1.0])
@pytest.mark.parametrize("name", READS_CUES)
def test_unknown_cues_are_refused(name, level):
    policy, shown = POLICIES[name](), shown_to(name, 5)
    policy.act(shown, policy.initial_state(5, 0))
    shown[3, 0] = level
    with pytest.raises(CarouselError, match=r"cues of lane 3 are \[.*; after a turn each must be"):
        policy.act(shown, policy.initial_state(5, 0))
    # before the first turn nobody shows any
    columns = columns_of(name)
    shown[:, [columns.streak, columns.persona.start]] = 0.0
    policy.act(shown, policy.initial_state(5, 0))


@pytest.mark.parametrize("name", POLICIES)
def test_what_is_no_number_or_out_of_range_is_refused_or_read_as_something(name):
    policy, columns = POLICIES[name](), columns_of(name)
    for column in range(columns.width):
        for value in (np.nan, np.inf, -40.0, 1e9):
            shown = shown_to(name, 5)
            shown[2, column] = value
            # in one lane of five: the others act as ever
            try:
                picks, _ = policy.act(shown, policy.initial_state(5, 0))
            except CarouselError:
                continue
            if picks is not None:
                assert ((picks >= 0) & (picks < columns.n_actions)).all()


@pytest.mark.parametrize("user", [5000.0, 1e12, -1.0, np.nan])
def test_the_clairvoyant_refuses_a_user_whom_it_does_not_know(user):
    policy = clairvoyant()
    shown = np.zeros((4, policy.columns.width + 2), dtype=np.float32)
    policy.act(shown, None)
    shown[2, policy.columns.width] = user
    with pytest.raises(CarouselError, match=r"user of lane 2 is .*; the clairvoyant knows users 0"):
        policy.act(shown, None)
