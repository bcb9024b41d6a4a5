"""Contextual bandits: the algorithms of the sources, batched, and what they learn."""

import numpy as np
import pytest

from carousel_agents import scripted
from carousel_agents.scripted import streams
from carousel_agents.scripted.linear_arms import LinearArms
from carousel_agents.scripted.linear_bandit import LinearBanditPolicy
from carousel_agents.scripted.normal_draws import normals
from carousel_envs import CarouselError, CarouselVectorEnv, Population, Questions
from carousel_envs.compiled import rng
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout

BOREDOM = Population.preset("Boredom")
D, K = 5, 3


class ByTheBook:
    """LinUCB with disjoint linear models, turn by turn: algorithm 1 of arXiv 1003.0146."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha
        self.a = [np.identity(D + 1) for _ in range(K)]
        self.b = [np.zeros(D + 1) for _ in range(K)]

    def bounds(self, x: np.ndarray) -> list[float]:
        values = []
        for a, b in zip(self.a, self.b, strict=True):
            theta = np.linalg.inv(a) @ b
            values.append(theta @ x + self.alpha * np.sqrt(x @ np.linalg.inv(a) @ x))
        return values

    def see(self, x: np.ndarray, arm: int, reward: float) -> None:
        self.a[arm] = self.a[arm] + np.outer(x, x)
        self.b[arm] = self.b[arm] + reward * x


def policy(arms: LinearArms, width: float, *, samples: bool) -> LinearBanditPolicy:
    return LinearBanditPolicy(np.zeros(D), np.ones(D), None, arms, width, samples)


@pytest.fixture
def learned() -> tuple[LinearArms, ByTheBook]:
    draw, book, arms = np.random.default_rng(0), ByTheBook(0.7), LinearArms.blank(K, D + 1)
    blank = policy(arms, 0.7, samples=False)
    for _ in range(20):
        context = blank.context(draw.uniform(size=(8, D)).astype(np.float32))
        picks, reward = draw.integers(K, size=8), draw.normal(size=8)
        for row in zip(context, picks, reward, strict=True):
            book.see(*row)
        arms = arms.learned(context, picks, reward)
    return arms, book


def test_statistics_and_picks_are_those_of_the_book(learned):
    arms, book = learned
    np.testing.assert_allclose(arms.gram, book.a, rtol=1e-12)
    np.testing.assert_allclose(arms.response, book.b, atol=1e-12)
    acts = policy(arms, 0.7, samples=False)
    observation = np.random.default_rng(1).uniform(size=(500, D)).astype(np.float32)
    picks, _ = acts.act(observation, acts.initial_state(500, 0))
    bounds = [book.bounds(x) for x in acts.context(observation)]
    np.testing.assert_array_equal(picks, np.argmax(bounds, axis=1))
    assert len(set(picks.tolist())) == K


def test_thompson_picks_as_often_as_weights_drawn_from_the_posterior_would(learned):
    arms, book = learned
    n, v = 40_000, 0.5
    acts = policy(arms, v, samples=True)
    one = np.random.default_rng(2).uniform(size=(1, D)).astype(np.float32)
    picks, _ = acts.act(np.repeat(one, n, axis=0), acts.initial_state(n, 3))
    x, draw = acts.context(one)[0], np.random.default_rng(4)
    weights = [
        draw.multivariate_normal(np.linalg.solve(a, b), v**2 * np.linalg.inv(a), size=n)
        for a, b in zip(book.a, book.b, strict=True)
    ]
    expected = np.argmax([w @ x for w in weights], axis=0)
    for k in range(K):
        shares = np.mean(picks == k), np.mean(expected == k)
        assert abs(shares[0] - shares[1]) < 4 * np.sqrt(2 * 0.25 / n)
        assert 0.05 < shares[0] < 0.95


def test_draws_are_standard_normal_and_a_lanes_own():
    keys = rng.lane_keys(5, 20_000)
    draws = np.concatenate([normals(keys, counter, 2) for counter in range(3)])
    assert np.abs(draws.mean(axis=1)).max() < 4 / np.sqrt(20_000)
    assert np.abs(np.cov(draws) - np.eye(6)).max() < 0.04
    assert abs(np.mean(np.abs(draws) > 1.959964) - 0.05) < 0.003
    np.testing.assert_array_equal(normals(keys[7:9], 2, 2), draws[4:, 7:9])


def test_draws_are_those_of_the_formula():
    keys, k, counter = rng.lane_keys(5, 1000), 3, 7
    uniform = np.array([rng.hash_uniforms(keys, 2 * k * counter + i) for i in range(2 * k)])
    expected = np.sqrt(-2.0 * np.log1p(-uniform[:k])) * np.cos(2.0 * np.pi * uniform[k:])
    np.testing.assert_allclose(normals(keys, counter, k), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["lin-ucb", "linear-thompson"])
def test_a_persona_that_everybody_likes_is_found(name: str):
    liked = BOREDOM.replace(appeal=(-0.3, -0.3, 0.2, -0.3), swap_cost=0.0, boredom_hazard=0.0)
    env = CarouselVectorEnv(200, population=liked)
    observation, _ = env.reset(seed=0)
    router = scripted.make(f"{name}:1000", liked)
    state = router.initial_state(200, 0)
    for _ in range(20):
        picks, state = router.act(observation, state)
        assert np.mean(picks == 2) > 0.97
        observation, *_ = env.step(picks)


@pytest.mark.parametrize("name", ["lin-ucb", "linear-thompson"])
def test_what_is_linear_in_the_observation_is_learned(name: str):
    questions = Questions()
    reference = solve(questions)
    early, late = (
        rollout(questions, scripted.make(f"{name}:{n}", questions), 5_000).mean for n in (1, 2000)
    )
    assert reference.blind < late < reference.value
    assert early < late - 0.5


@pytest.mark.parametrize("name", ["lin-ucb", "linear-thompson"])
def test_acting_teaches_nothing_and_learning_is_repeatable(name: str):
    fit = scripted.linear_bandit.fitted
    acts = scripted.make(f"{name}:100", BOREDOM).policy
    before = acts.arms.gram.copy(), acts.arms.response.copy()
    rollout(BOREDOM, acts, 500)
    np.testing.assert_array_equal(acts.arms.gram, before[0])
    fit.cache_clear()
    again = scripted.make(f"{name}:100", BOREDOM).policy
    assert again is not acts
    np.testing.assert_array_equal(again.arms.gram, before[0])
    np.testing.assert_array_equal(again.arms.response, before[1])


def test_every_turn_of_every_session_is_learned_from_once():
    stays = BOREDOM.replace(leave_bored=0.0)
    acts = scripted.make("lin-ucb:130", stays).policy
    # the last column is the constant: its square counts turns
    turns = (acts.arms.gram[:, -1, -1] - 1.0).sum()
    assert turns == 130 * stays.session_length
    # when these leave does not depend on who speaks
    goes = BOREDOM.replace(leave_fresh=0.3, leave_bored=0.3)
    acts = scripted.make("linear-thompson:130", goes).policy
    played = rollout(goes, scripted.make("uniform", goes), 130, streams.BANDITS)
    assert (acts.arms.gram[:, -1, -1] - 1.0).sum() == played.length.sum()


def test_unavailable_personas_are_never_picked():
    population = BOREDOM.replace(unavailability=0.6)
    for name in ("lin-ucb:50", "linear-thompson:50"):
        assert rollout(population, scripted.make(name, population), 300).refused.sum() == 0


@pytest.mark.parametrize("name", ["lin-ucb", "linear-thompson"])
@pytest.mark.parametrize("sessions", ["0", "-1", "x", "", "1.5", "1000001", "²"])
def test_a_wrong_number_of_sessions_is_one_sentence(name: str, sessions: str):
    with pytest.raises(CarouselError, match=f"sessions of {name} is") as caught:
        scripted.make(f"{name}:{sessions}", BOREDOM)
    assert "\n" not in str(caught.value)
