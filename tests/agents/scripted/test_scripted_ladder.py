"""Rungs of the ladder: a pattern of cues, the index, and the one who is told everything."""

import itertools

import numpy as np
import pytest

from carousel_agents import scripted
from carousel_agents.scripted import cue_pattern, streams
from carousel_agents.scripted.cue_pattern import CuePatternPolicy
from carousel_agents.scripted.linear_bandit import MOST_SESSIONS
from carousel_agents.scripted.masked_planner import CALIBRATION_SESSIONS
from carousel_agents.scripted.repertoire import by_typical_fit, next_one, places
from carousel_envs import CarouselError, CarouselVectorEnv, Population, Questions
from carousel_envs.reference import solve
from carousel_envs.reference.clairvoyant import answered_best, solve_clairvoyant
from carousel_envs.reference.model import Model
from carousel_envs.reference.reference import MAX_PLANNING_KINDS, SEED, SELECTION_SEED, SESSIONS
from carousel_envs.registry import columns_of
from carousel_envs.rollout import rollout
from carousel_envs.shifts import find_shift
from carousel_envs.users.cues import cue_table

BOREDOM, TASTE = Population.preset("Boredom"), Population.preset("Taste")
TELLING = BOREDOM.replace(cues=(((0.99, 0.01), (0.01, 0.99)), ((0.5, 0.5), (0.5, 0.5))))


# -- cue patterns ---------------------------------------------------------------------------------


def sessions_of(policy, population, lanes: int, turns: int):
    """Observations before, and picks at, every turn."""
    env = CarouselVectorEnv(lanes, population=population)
    observation, _ = env.reset(seed=1)
    state = policy.initial_state(lanes, 1)
    for _ in range(turns):
        picks, state = policy.act(observation, state)
        yield observation, picks
        observation, *_ = env.step(picks)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_swap_comes_exactly_when_the_last_turns_match(length: int):
    solved = scripted.make("cue-pattern:1", BOREDOM).policy
    policy = CuePatternPolicy(
        solved.columns, solved.strides, solved.matches, length, solved.repertoire, ""
    )
    matching: list[list[bool]] = [[] for _ in range(80)]
    columns, swaps = policy.columns, 0
    for observation, picks in sessions_of(policy, BOREDOM, 80, 80):
        for i, row in enumerate(observation):
            if row[columns.streak] == 0:
                matching[i] = []
                continue
            if row[columns.streak] == 1:
                matching[i] = []
            symbol = int(row[columns.cues] @ policy.strides)
            matching[i].append(bool(policy.matches[symbol]))
            swap = len(matching[i]) >= length and all(matching[i][-length:])
            assert (picks[i] != row[columns.persona].argmax()) == swap
            swaps += swap
    assert swaps > 20


def test_only_cues_are_read():
    policy = scripted.make("cue-pattern", BOREDOM).policy
    for observation, _ in sessions_of(policy, BOREDOM, 50, 30):
        state = np.arange(50) % 3
        deaf = observation.copy()
        deaf[:, policy.columns.engagement] = 1 - deaf[:, policy.columns.engagement]
        deaf[:, policy.columns.elapsed] = 0.5
        for a, b in zip(policy.act(observation, state), policy.act(deaf, state), strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_pattern_found_is_the_one_that_tells():
    router = scripted.make("cue-pattern", TELLING)
    assert router.policy.words.startswith("reply_latency >= 1")
    assert router.policy.length == 1
    reference = solve(TELLING)
    sessions = rollout(TELLING, router, 20_000)
    assert reference.score(sessions.mean - 4 * sessions.standard_error) > 0.9
    reversed_cues = find_shift("cue-reversal").apply(TELLING, 1.0)
    frozen = rollout(
        reversed_cues, scripted.make("frozen-cue-pattern", reversed_cues, TELLING), 500
    )
    solved = rollout(reversed_cues, scripted.make("cue-pattern", reversed_cues), 500)
    assert scripted.make("cue-pattern", reversed_cues).policy.words.startswith("reply_latency <= 0")
    assert frozen.mean < solved.mean - 5


@pytest.mark.parametrize("population", [BOREDOM, TELLING, BOREDOM.replace(cues=BOREDOM.cues[:2])])
def test_no_condition_that_is_left_out_beats_those_that_are_tried(population: Population):
    fresh, bored = cue_table(population).probability
    rates = {words: (fresh @ m, bored @ m) for words, m in cue_pattern._family(population)}
    tried = {words: (fresh @ m, bored @ m) for words, m in cue_pattern._frontier(population)}
    for f, b in tried.values():
        assert not any(x <= f and y >= b and (x, y) != (f, b) for x, y in rates.values())
    assert 1 < len(tried) <= cue_pattern._TRIED
    if len(tried) < cue_pattern._TRIED:
        for f, b in rates.values():
            assert any(x <= f and y >= b for x, y in tried.values())


def test_the_repertoire_begins_with_the_best_and_passes_over_who_is_not_there():
    order = np.array([2, 0, 1])
    available = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [1, 1, 0, 1]]) > 0
    current, begins = np.array([0, 2, 2, 2, 3]), np.array([True, False, False, False, False])
    # the fourth action is not of the repertoire: from there it begins anew
    place = np.where(begins, -1, places(order, 4)[current])
    picks = [next_one(order, place[i], available, i, 0) for i in range(5)]
    np.testing.assert_array_equal(picks, [2, 0, 1, 2, 0])
    fit = Model.of(TASTE).merged(1).fit[0]
    assert by_typical_fit(Model.of(TASTE).merged(1)).tolist() == np.argsort(-fit).tolist()


def test_where_swapping_never_pays_no_pattern_swaps():
    dear = BOREDOM.replace(swap_cost=50.0)
    router = scripted.make("cue-pattern", dear)
    assert router.policy.words == "never"
    assert rollout(dear, router, 200).swaps.sum() == 0


def test_the_search_is_the_same_every_time_and_beats_each_length():
    cue_pattern._best.cache_clear()
    best = scripted.make("cue-pattern", BOREDOM).policy
    cue_pattern._best.cache_clear()
    assert scripted.make("cue-pattern", BOREDOM).policy.words == best.words
    value = rollout(BOREDOM, best, 10_000).mean
    lengths = [scripted.make(f"cue-pattern:{n}", BOREDOM).policy for n in (1, 2, 3)]
    assert [policy.length for policy in lengths] == [1, 2, 3]
    values = [rollout(BOREDOM, policy, 10_000).mean for policy in lengths]
    assert value >= max(values) - 0.1
    assert min(values) < max(values) - 0.2


@pytest.mark.parametrize("length", ["0", "4", "x", "", "1.0"])
def test_a_wrong_length_is_one_sentence(length: str):
    with pytest.raises(CarouselError, match="whole number from 1 to 3") as caught:
        scripted.make(f"cue-pattern:{length}", BOREDOM)
    assert "\n" not in str(caught.value)


def test_users_who_show_no_cues_have_no_patterns():
    with pytest.raises(CarouselError, match="show none"):
        scripted.make("cue-pattern", BOREDOM.replace(cues=()))


# -- the index ------------------------------------------------------------------------------------


def test_the_index_is_near_the_optimum_where_personas_wear_off():
    population = Population.preset("Satiation")
    reference = solve(population)
    sessions = rollout(population, scripted.make("whittle", population), 5_000)
    assert reference.score(sessions.mean) > 0.95
    assert sessions.mean < reference.value_upper + 4 * sessions.standard_error


def test_the_index_is_solved_for_few_kinds_of_user():
    population = Population.preset("Satiation").replace(satiation_gain=(0.2, 0.4))
    policy = scripted.make("whittle", population).policy
    assert len(policy.index) == MAX_PLANNING_KINDS
    assert rollout(population, policy, 200).refused.sum() == 0


# -- the clairvoyant ------------------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["Boredom", "Taste", "Welfare", "Unmask"])
def test_the_clairvoyant_attains_its_exact_value(name: str):
    population = Population.preset(name)
    sessions = rollout(population, scripted.make("clairvoyant", population), 50_000, 3)
    exact = solve_clairvoyant(population).value
    assert abs(sessions.mean - exact) < 4 * sessions.standard_error


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["Boredom", "Taste", "Satiation", "Welfare", "Unmask", "some"])
def test_the_clairvoyant_beats_the_optimum(name: str):
    some = BOREDOM.replace(unavailability=0.4, n_users=60)
    population = some if name == "some" else Population.preset(name)
    sees, best = (
        rollout(population, scripted.make(router, population), 3000)
        for router in ("clairvoyant", "optimal")
    )
    apart = sees.engagement - best.engagement
    assert apart.mean() > 4 * apart.std() / np.sqrt(len(apart))
    assert sees.refused.sum() == 0


def test_the_clairvoyant_sees_the_true_question():
    questions = Questions(topic_noise=0.4, year_noise=0.6)
    sessions = rollout(questions, scripted.make("clairvoyant", questions), 20_000)
    assert abs(sessions.mean - answered_best(questions)[0]) < 4 * sessions.standard_error
    assert sessions.mean > solve(questions).value + 1


def test_a_frozen_clairvoyant_knows_users_by_their_row():
    target = TASTE.replace(swap_cost=5.0)
    frozen = rollout(target, scripted.make("frozen-clairvoyant", target, TASTE), 5_000)
    solved = rollout(target, scripted.make("clairvoyant", target), 5_000)
    assert frozen.mean < solved.mean - 0.1
    other = TASTE.replace(n_users=10)
    with pytest.raises(CarouselError, match="10 users"):
        rollout(other, scripted.make("frozen-clairvoyant", other, TASTE), 10)


@pytest.mark.parametrize("population", [BOREDOM, Questions()], ids=["users", "questions"])
def test_the_clairvoyant_refuses_to_be_blindfolded(population):
    router, width = scripted.make("clairvoyant", population), len(columns_of(population))
    with pytest.raises(CarouselError, match="what its view"):
        router.act(np.zeros((3, width), dtype=np.float32), None)


# -- streams --------------------------------------------------------------------------------------


def test_no_session_that_makes_a_router_can_be_one_that_measures_it():
    from carousel_agents.generalisation.distance import SEED as DISTANCES
    from carousel_agents.learning.train import _TRAINING_STREAMS

    played = 10**7
    spans = [
        (0, 2**48),
        (DISTANCES, DISTANCES + played),
        (streams.PATTERNS, streams.PATTERNS + played),
        (streams.CALIBRATION, streams.CALIBRATION + CALIBRATION_SESSIONS),
        (SEED, SEED + SESSIONS),
        (SELECTION_SEED, SELECTION_SEED + SESSIONS),
        (_TRAINING_STREAMS, _TRAINING_STREAMS + 2**56),
        (streams.BANDITS, streams.BANDITS + MOST_SESSIONS),
    ]
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert end <= start
    assert spans[-1][1] < 2**63 - 2**32
