"""Hand-written routers: what holds for all of them, and that the simple ones do what they say."""

import re
from pathlib import Path

import numpy as np
import pytest

from carousel_agents import scripted
from carousel_agents.router import ROUTERS, aliases, describe_as, spec_of
from carousel_envs import CarouselEnv, CarouselError, CarouselVectorEnv, Population, Questions
from carousel_envs.compiled.blocks import FLOATS
from carousel_envs.reference import solve
from carousel_envs.registry import names, vector_env
from carousel_envs.rollout import rollout, seen_by
from carousel_envs.shifts import find_shift
from carousel_envs.spec import ENVIRONMENTS
from support.matrix import most_later

BOREDOM = Population.preset("Boredom")
FEW = {"unavailability": 0.3, "session_length": 8, "n_users": 4}
EVERYWHERE = [name for name in ROUTERS if name != "memoryless"]
FOR_QUESTIONS = [
    *("fixed", "uniform", "open-loop", "operating-system", "lin-ucb", "linear-thompson"),
    *("myopic", "optimal", "clairvoyant"),
]


def play(router, population: Population, seed: int = 0) -> list[int]:
    """Who speaks, turn by turn, in one session."""
    env = CarouselEnv(population=population)
    observation, _ = env.reset(seed=seed)
    state, over, spoken = router.initial_state(1, seed), False, []
    while not over:
        picks, state = router.act(observation[None], state)
        observation, _, terminated, truncated, _ = env.step(picks[0])
        spoken.append(int(observation[env.columns.persona].argmax()))
        over = terminated or truncated
    return spoken


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    "preset", most_later(["Boredom", "Taste", "Satiation"], lambda preset: preset == "Boredom")
)
@pytest.mark.parametrize("name", EVERYWHERE)
def test_every_router_is_batched_and_keeps_its_state_to_itself(name: str, preset: str):
    population = Population.preset(preset).replace(**FEW)
    router = scripted.make(name, population)
    env = seen_by(router, CarouselVectorEnv(6, population=population))
    observation, _ = env.reset(seed=3)
    state = router.initial_state(6, 9)
    for _ in range(15):
        picks, following = router.act(observation, state)
        again, _ = router.act(observation, state)
        np.testing.assert_array_equal(picks, again, err_msg="act changed the state it was given")
        assert picks.shape == (6,)
        assert picks.dtype.kind == "i"
        assert (picks >= 0).all()
        assert (picks < population.n_actions).all()
        state = following
        observation, *_ = env.step(picks)


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("lanes", "turns"), [(4, 45), (FLOATS + 3, 12)])
@pytest.mark.parametrize("name", EVERYWHERE)
def test_one_lane_acts_as_the_same_lane_of_many(name: str, lanes: int, turns: int):
    population = BOREDOM.replace(**FEW)
    router = scripted.make(name, population)
    env = seen_by(router, CarouselVectorEnv(lanes, population=population))
    observation, _ = env.reset(seed=0)
    # of many the last, which begin a block of their own
    followed = range(lanes - 4, lanes)
    states = {i: router.initial_state(1, 20 + i) for i in followed}
    whole = router.initial_state(lanes, 20)
    for _ in range(turns):
        picks, whole = router.act(observation, whole)
        for i in followed:
            one, states[i] = router.act(observation[i : i + 1], states[i])
            assert one[0] == picks[i]
        observation, *_ = env.step(picks)


@pytest.mark.parametrize("preset", most_later(names(), lambda name: name in ("Boredom", "Recall")))
def test_every_router_plays_every_preset_or_says_in_a_sentence_why_not(preset: str):
    population = Questions() if preset == "Recall" else Population.preset(preset)
    one_kind = {"Boredom": ROUTERS, "Recall": FOR_QUESTIONS}
    alike = ENVIRONMENTS[preset].variant_of or preset
    for name in ROUTERS:
        if name in one_kind.get(alike, EVERYWHERE):
            sessions = rollout(population, scripted.make(name, population), 100)
            assert sessions.refused.sum() == 0, name
            assert np.isfinite(sessions.mean), name
            continue
        with pytest.raises(CarouselError) as caught:
            scripted.make(name, population)
        assert "\n" not in str(caught.value)


def test_batches_of_questions_are_answered_lane_by_lane():
    population = Questions()
    for name in FOR_QUESTIONS:
        router = scripted.make(name, population)
        env = seen_by(router, vector_env(population, 5))
        observation, _ = env.reset(seed=0)
        states = [router.initial_state(1, 20 + i) for i in range(5)]
        whole = router.initial_state(5, 20)
        for _ in range(20):
            picks, whole = router.act(observation, whole)
            for i in range(5):
                one, states[i] = router.act(observation[i : i + 1], states[i])
                assert one[0] == picks[i], name
            observation, *_ = env.step(picks)


def test_every_name_has_a_description_and_an_alias_is_another_name_for_the_same_router():
    for name in (*ROUTERS, *aliases()):
        assert describe_as(name).strip()
        assert spec_of(name) == spec_of(aliases().get(name, name))
    assert not set(aliases()) & set(ROUTERS)
    taste = Population.preset("Taste")
    for prefix in ("", "frozen-"):
        greedy = scripted.make(f"{prefix}greedy", taste, taste)
        assert greedy.name == f"{prefix}greedy"
        assert play(greedy, taste) == play(scripted.make("myopic", taste), taste)
    assert len(set(play(scripted.make("greedy", BOREDOM), BOREDOM))) == 1


def test_the_page_on_routers_has_a_row_and_a_score_for_every_name():
    page = (Path(__file__).parents[3] / "docs" / "routers.md").read_text(encoding="utf-8")
    for name in ROUTERS:
        assert len(re.findall(rf"^\| `{name}`", page, flags=re.MULTILINE)) == 2, name
    for alias in aliases():
        assert f"also `{alias}`" in page


def test_fixed_never_swaps_and_takes_a_name():
    assert set(play(scripted.make("fixed:coach", BOREDOM), BOREDOM)) == {2}
    taste = Population.preset("Taste")
    best = taste.personas.index(solve(taste).best_persona)
    assert set(play(scripted.make("fixed", taste), taste)) == {best}


def test_uniform_picks_every_available_persona_alike():
    population = BOREDOM.replace(leave_bored=0.0)
    spoken = np.concatenate(
        [play(scripted.make("uniform", population), population, s) for s in range(60)]
    )
    counts = np.bincount(spoken, minlength=4)
    expected = len(spoken) / 4
    assert np.abs(counts - expected).max() < 4.5 * np.sqrt(expected * 0.75)


def test_uniform_never_picks_an_unavailable_persona():
    population = BOREDOM.replace(unavailability=0.6)
    assert rollout(population, scripted.make("uniform", population), 500).refused.sum() == 0


def test_open_loop_follows_the_clock_alone():
    router = scripted.make("open-loop", BOREDOM)
    sessions = [play(router, BOREDOM, seed) for seed in range(5)]
    longest = max(sessions, key=len)
    assert all(s == longest[: len(s)] for s in sessions)
    assert len(set(longest)) > 1


def test_loop_swaps_exactly_when_its_filter_reaches_the_threshold():
    router = scripted.make("loop:0.5", BOREDOM)
    env = CarouselVectorEnv(50, population=BOREDOM)
    observation, _ = env.reset(seed=0)
    state = router.initial_state(50, 0)
    swaps = 0
    for t in range(40):
        picks, state = router.act(observation, state)
        current = observation[:, env.columns.persona].argmax(axis=1)
        if t > 0:
            same_session = observation[:, env.columns.streak] > 0
            swapped = (picks != current) & same_session
            np.testing.assert_array_equal(swapped, (state.bored >= 0.5) & same_session)
            swaps += swapped.sum()
        observation, *_ = env.step(picks)
    assert swaps > 20


def test_loop_is_near_the_optimum_at_its_solved_threshold():
    reference = solve(BOREDOM)
    sessions = rollout(BOREDOM, scripted.make("loop", BOREDOM), 100_000, 1)
    assert sessions.mean - 4 * sessions.standard_error >= 0.97 * reference.value


def test_loop_never_swaps_where_swapping_never_pays():
    dear = BOREDOM.replace(swap_cost=50.0)
    assert len(set(play(scripted.make("loop", dear), dear))) == 1


def test_frozen_routers_are_solved_for_training_and_the_others_for_the_target():
    target = find_shift("hazard").apply(BOREDOM, 1.0)
    frozen = scripted.make("frozen-loop", target, BOREDOM)
    assert frozen.policy.threshold == scripted.make("loop", BOREDOM).policy.threshold
    assert frozen.policy.threshold != scripted.make("loop", target, BOREDOM).policy.threshold
    assert "training" in frozen.description
    assert frozen.trained_on == BOREDOM.fingerprint
    assert scripted.make("loop", target, BOREDOM).trained_on is None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("lop", r"known are fixed, .* and greedy \(myopic\)"),
        ("frozen-", "known are fixed"),
        ("uniform:3", "takes no argument"),
        ("fixed:eve", "persona 'eve' is unknown; known are alice, bob"),
        ("loop:2", "number from 0 to 1"),
        ("loop:x", "number from 0 to 1"),
    ],
)
def test_a_wrong_name_or_argument_is_one_sentence(name: str, sentence: str):
    with pytest.raises(CarouselError, match=sentence) as caught:
        scripted.make(name, BOREDOM)
    assert "\n" not in str(caught.value)


def test_memoryless_is_refused_where_it_is_not_defined():
    with pytest.raises(CarouselError, match="one kind of user"):
        scripted.make("memoryless", Population.preset("Taste"))
