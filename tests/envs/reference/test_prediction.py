"""What a filter expects of the next turn, against the filter itself and against brute force."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselVectorEnv, Population
from carousel_envs.reference import Filter
from carousel_envs.reference.acting.prediction import (
    LEFT,
    OUTCOMES,
    expected,
    likelihood,
    relative_entropy,
)
from support.env_helpers import sticky_actions
from support.properties import examples
from support.strategies import populations


@examples(40)
@given(population=populations(max_turns=6), seed=st.integers(0, 2**32))
def test_expectations_are_distributions_and_agree_with_the_filters_evidence(
    population: Population, seed: int
):
    lanes, known = 8, Filter(population)
    env = CarouselVectorEnv(lanes, population=population)
    before, _ = env.reset(seed=seed)
    belief = known.update(known.start(lanes), before)
    there = np.ones(lanes, dtype=bool)
    for picks in sticky_actions(seed, population.session_length, lanes, population.n_actions):
        after, _, left, over, _ = env.step(picks)
        expectation = expected(known, belief, before, after)
        assert (expectation >= 0.0).all()
        np.testing.assert_allclose(expectation.sum(axis=(1, 2)), 1.0, atol=1e-12)
        shown = likelihood(known, expectation, after, left)
        # the kernel rounds what satiation leaves of engagement to 1/65536
        if not population.has_satiation:
            assert (shown[there] > 0.0).all()
        belief, evidence = known.weigh(belief, after)
        stays = there & ~left
        # that a user was kept after a goodbye is the one thing that `weigh` leaves out
        hook = known.model.hook[after[:, known.columns.persona].argmax(axis=1)]
        said = (
            np.zeros(lanes) if known.columns.farewell is None else before[:, known.columns.farewell]
        )
        kept = np.where(said > 0.5, hook, 1.0)
        np.testing.assert_allclose(shown[stays], (kept * evidence)[stays], rtol=1e-9, atol=1e-300)
        there &= ~(left | over)
        before = after


def test_a_user_who_leaves_after_a_goodbye_does_not_engage():
    population = Population.preset("Welfare").replace(hook=0.25, leave_bored=0.0)
    known = Filter(population)
    before = np.zeros((2, known.columns.width), dtype=np.float32)
    before[:, known.columns.available] = 1.0
    belief = known.update(known.start(2), before)
    after = before.copy()
    after[:, known.columns.persona.start] = after[:, known.columns.streak] = 1.0
    before[1, known.columns.farewell] = 1.0
    calm, goodbye = expected(known, belief, before, after).sum(axis=1)
    assert calm[LEFT:].sum() == 0.0
    np.testing.assert_allclose(goodbye[:LEFT], 0.25 * calm[:LEFT], rtol=1e-12)
    np.testing.assert_allclose(goodbye[LEFT], 0.75, rtol=1e-12)


def _expectation(rng: np.random.Generator, lanes: int) -> np.ndarray:
    return rng.dirichlet(np.full(2 * OUTCOMES, 0.5), size=lanes).reshape(lanes, 2, OUTCOMES)


@examples(50)
@given(seed=st.integers(0, 2**32), symbols=st.integers(1, 9))
def test_relative_entropy_is_the_sum_over_all_that_may_be_shown(seed: int, symbols: int):
    rng = np.random.default_rng(seed)
    one, other = _expectation(rng, 3), _expectation(rng, 3)
    cues, other_cues = rng.dirichlet(np.ones(symbols), size=(2, 2))
    p = np.einsum("nmc,mz->ncz", one, cues)
    q = np.einsum("nmc,mz->ncz", other, other_cues)
    found = relative_entropy(one, other, cues, other_cues)
    np.testing.assert_allclose(found, (p * np.log(p / q)).sum(axis=(1, 2)), rtol=1e-10, atol=1e-13)
    assert (found >= 0.0).all()
    assert (relative_entropy(one, one, cues, cues) == 0.0).all()


def test_what_the_other_holds_impossible_is_infinitely_far():
    rng = np.random.default_rng(0)
    one, other, cues = (
        _expectation(rng, 2),
        _expectation(rng, 2),
        np.array([[0.5, 0.5], [1.0, 0.0]]),
    )
    other[0, :, 3] = 0.0
    found = relative_entropy(one, other, cues, cues)
    assert np.isinf(found[0])
    assert np.isfinite(found[1])
    # and the other way round it is not
    assert np.isfinite(relative_entropy(other, one, cues, cues)).all()
