"""Random populations over all that is allowed: through the kernel, the wrappers and the solvers.

CAROUSEL_POPULATIONS says how many of each kind (10 000).
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from carousel_envs import CarouselVectorEnv
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout
from support.solved import assert_ordered
from support.strategies import populations
from support.wrapped import assert_keeps_its_space, stacks, wrapped

pytestmark = pytest.mark.soak
MANY = int(os.environ.get("CAROUSEL_POPULATIONS", "10000"))
SESSIONS = 1000

many = settings(
    max_examples=MANY,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


@many
@given(populations(), stacks(), st.sampled_from(list(AutoresetMode)), st.integers(0, 1000))
def test_every_stack_of_wrappers_keeps_its_space(population, names, mode, seed):
    env = CarouselVectorEnv(6, population=population, autoreset_mode=mode)
    assert_keeps_its_space(wrapped(env, names), 12, seed)


@many
@given(populations(max_turns=5, max_personas=3), st.integers(0, 1000))
def test_every_reference_keeps_its_order_and_is_not_beaten(population, seed):
    reference = solve(population)
    assert_ordered(reference)
    for router in (reference.policy, reference.blind_policy, reference.myopic_policy):
        sessions = rollout(population, router, SESSIONS, seed)
        assert np.isfinite(sessions.engagement).all()
        error = 6 * np.hypot(sessions.standard_error, reference.standard_errors.get("value", 0.0))
        assert sessions.mean <= reference.value_upper + error + 1e-6
