"""What an id stands for, what its spec says, and what Gymnasium makes from it."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeAwareObservation

from carousel_envs import (
    CarouselEnv,
    CarouselError,
    CarouselVectorEnv,
    Population,
    Questions,
    any_population,
    environment_ids,
)
from carousel_envs.environments import BoredomEnv, TasteVectorEnv
from carousel_envs.registry import names
from carousel_envs.wrappers import BeliefFeatures, ContentFilter, History
from support.env_helpers import plain

MODES = list(AutoresetMode)


def id_of(name: str) -> str:
    return f"Carousel/{name}-v0"


def changed(name: str):
    """Users of a preset, changed; their sessions are longer than the preset's."""
    preset = any_population(name)
    longer = preset.session_length + 20
    if isinstance(preset, Questions):
        return preset.replace(session_length=longer, topic_noise=0.1)
    return preset.replace(session_length=longer, leave_bored=0.001, leave_fresh=0.0, n_users=50)


def given(population, form: str):
    return {
        "object": population,
        "text": population.to_json(),
        "mapping": population.model_dump(),
        "plain": population.model_dump(mode="json"),
    }[form]


def assert_same_play(one: gym.Env, other: gym.Env, turns: int = 70) -> None:
    assert one.observation_space == other.observation_space
    np.testing.assert_array_equal(one.reset(seed=1)[0], other.reset(seed=1)[0])
    for action in np.random.default_rng(0).integers(3, size=turns):
        a, b = one.step(action), other.step(action)
        np.testing.assert_array_equal(a[0], b[0])
        assert a[1:4] == b[1:4]
        if a[2] or a[3]:
            one.reset()
            other.reset()


# -- what an id stands for ------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["name", "object"])
@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
@pytest.mark.parametrize("name", names())
def test_an_id_takes_no_other_preset(name, make, form):
    for other in names():
        preset = any_population(other)
        population = other if form == "name" else given(preset, form)
        if other == name:
            assert make(id_of(name), population=population).unwrapped.population == preset
            continue
        with pytest.raises(CarouselError) as caught:
            make(id_of(name), population=population)
        if form == "name" or type(preset) is type(any_population(name)):
            assert f"the preset {other}, whose id is {id_of(other)}" in str(caught.value)


def test_a_class_with_an_id_takes_no_other_preset_and_the_general_one_takes_any():
    with pytest.raises(CarouselError, match="the preset Taste, whose id is Carousel/Taste-v0"):
        BoredomEnv(population="Taste")
    with pytest.raises(CarouselError, match="the preset Unmask, whose id is Carousel/Unmask-v0"):
        TasteVectorEnv(2, population=Population.preset("Unmask"))
    with pytest.raises(CarouselError, match="'Tase'; Carousel/Taste-v0 plays its own preset"):
        TasteVectorEnv(2, population="Tase")
    taste = Population.preset("Taste")
    assert CarouselEnv(population="Taste").population == taste
    assert CarouselVectorEnv(2, population=taste.to_json()).population == taste
    assert CarouselEnv().population == Population.preset("Boredom")


def test_users_are_no_questions_and_questions_no_users():
    for population, env_id, ids in (
        (Questions(), "Carousel/Boredom-v0", "Carousel/Recall-v0"),
        (plain(), "Carousel/Recall-v0", "Carousel/Boredom-v0, Carousel/BoredomFaint-v0, "),
    ):
        with pytest.raises(CarouselError) as caught:
            gym.make(env_id, population=population)
        assert str(caught.value).startswith(
            f"population is {type(population).__name__}, which {ids}"
        )


@pytest.mark.parametrize("name", names())
def test_any_population_reads_what_a_population_writes(name):
    for population in (any_population(name), changed(name)):
        for form in ("object", "text", "mapping", "plain"):
            assert any_population(given(population, form)) == population


@pytest.mark.parametrize(
    ("population", "words"),
    [
        ("{", "population is not valid JSON"),
        ('{"topics": 1}', "topics is 1"),
        ({"cues": [], "session_lenght": 3}, "session_lenght is not a field of Population"),
        ({1: 2}, "it must map names of fields"),
        ([], "the JSON of either"),
    ],
)
def test_what_is_no_population_is_named(population, words):
    with pytest.raises(CarouselError, match=words):
        any_population(population)


# -- the spec and its JSON ------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["object", "mapping"])
@pytest.mark.parametrize("name", names())
def test_the_json_of_a_spec_makes_the_same_environment(name, form):
    population = changed(name)
    env = gym.make(id_of(name), population=given(population, form))
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.unwrapped.population == population
    assert again.spec == env.spec
    assert_same_play(env, again)


@pytest.mark.parametrize("limit", [None, 7, 1000])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["Welfare", "Recall"])
def test_the_json_of_a_vector_spec_makes_the_same_environment(name, mode, limit):
    population = changed(name)
    env = gym.make_vec(
        id_of(name),
        num_envs=3,
        population=population,
        autoreset_mode=mode,
        max_episode_steps=limit,
        copy=False,
    )
    again = gym.make_vec(EnvSpec.from_json(env.spec.to_json()))
    assert again.spec == env.spec
    made = again.unwrapped
    assert (made.num_envs, made.autoreset_mode, made.copy) == (3, mode, False)
    assert made.population == population
    assert env.spec.max_episode_steps == min(limit or 1000, population.session_length)


def replaces_all(observation, picks):
    return np.full_like(picks, 2)


WRAPPED = {
    "blocked": lambda env: ContentFilter(env, blocked=(np.int64(0), "bob"), replacement="coach"),
    "rule": lambda env: ContentFilter(env, rule=replaces_all),
    "named": lambda env: ContentFilter(env, rule=f"{__name__}:replaces_all"),
    "belief": lambda env: BeliefFeatures(env, population=changed("Boredom")),
    "mapping": lambda env: BeliefFeatures(env, population=changed("Boredom").model_dump()),
    "both": lambda env: History(ContentFilter(env, 0, 1), np.int64(2)),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_the_json_of_a_wrapped_environment_makes_the_same(name):
    env = WRAPPED[name](gym.make("Carousel/Boredom-v0", population=changed("Boredom")))
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert type(again) is type(env)
    assert again.spec == env.spec
    assert_same_play(env, again)


def test_a_rule_without_a_name_cannot_be_written_out_and_a_wrong_name_is_refused():
    env = gym.make("Carousel/Boredom-v0")
    with pytest.raises(TypeError, match="function is not JSON serializable"):
        ContentFilter(env, rule=lambda observation, picks: picks).spec.to_json()
    for name in ("nowhere:rule", f"{__name__}:nothing", "no name"):
        with pytest.raises(CarouselError, match=f"rule is '{name}', which names no function"):
            ContentFilter(env, rule=name)


# -- the limit of turns ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_the_limit_in_the_spec_is_the_populations_and_cuts_no_session(name):
    preset, longer = any_population(name), changed(name)
    assert gym.make(id_of(name)).spec.max_episode_steps == preset.session_length
    assert gym.make_vec(id_of(name)).spec.max_episode_steps == preset.session_length
    env = gym.make(id_of(name), population=longer)
    assert env.spec.max_episode_steps == longer.session_length
    env.reset(seed=0, options={"user": 0})
    turns, over = 0, False
    while not over:
        *_, terminated, truncated, _ = env.step(0)
        turns, over = turns + 1, terminated or truncated
    assert turns == longer.session_length or terminated
    assert "TimeLimit" not in str(env)


@pytest.mark.parametrize("id_", environment_ids())
def test_wrappers_that_ask_for_the_limit_have_it(id_):
    env = TimeAwareObservation(gym.make(id_), normalize_time=True)
    env.reset(seed=0)
    assert env.step(0)[0][-1] == pytest.approx(1 / gym.make(id_).spec.max_episode_steps)


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["Welfare", "Satiation", "Recall"])
def test_a_limit_cuts_lanes_as_it_cuts_scalar_environments(name, mode, copy):
    lanes, limit = 5, 4
    native = gym.make_vec(
        id_of(name), num_envs=lanes, autoreset_mode=mode, max_episode_steps=limit, copy=copy
    )
    sync = SyncVectorEnv(
        [lambda: gym.make(id_of(name), max_episode_steps=limit)] * lanes, autoreset_mode=mode
    )
    np.testing.assert_array_equal(native.reset(seed=5)[0], sync.reset(seed=5)[0])
    n_cut = 0
    for actions in np.random.default_rng(0).integers(3, size=(40, lanes)):
        one, other = native.step(actions), sync.step(actions)
        for a, b in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        over = one[2] | one[3]
        n_cut += one[3].sum()
        if mode == AutoresetMode.SAME_STEP and over.any():
            for lane in np.flatnonzero(over):
                np.testing.assert_array_equal(
                    one[4]["final_obs"][lane], other[4]["final_obs"][lane]
                )
        if mode == AutoresetMode.DISABLED and over.any():
            a = native.reset(options={"reset_mask": over})
            b = sync.reset(options={"reset_mask": over})
            np.testing.assert_array_equal(a[0], b[0])
    assert n_cut > 30


@pytest.mark.parametrize("limit", [0, -1, 2.5, "4", True])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(CarouselError, match=f"max_episode_steps is {limit!r}; it must be a whole"):
        gym.make_vec("Carousel/Boredom-v0", max_episode_steps=limit)


# -- resets ---------------------------------------------------------------------------------------


def test_a_lane_without_a_seed_goes_on_with_its_next_episode():
    env, other = (gym.make_vec("Carousel/Taste-v0", num_envs=3) for _ in range(2))
    first, _ = env.reset(seed=[1, None, 3])
    np.testing.assert_array_equal(first[[0, 2]], other.reset(seed=[1, 2, 3])[0][[0, 2]])
    env.reset(seed=[1, 2, 3])
    other.reset(seed=[1, 2, 3])
    one, info = env.reset(seed=[9, None, None])
    next_, next_info = other.reset()
    np.testing.assert_array_equal(one[1:], next_[1:])
    np.testing.assert_array_equal(info["user"][1:], next_info["user"][1:])


def test_a_scalar_environment_speaks_of_no_lanes():
    env = CarouselEnv(population=plain(session_length=1))
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(ResetNeeded, match=r"^the session is over; call reset$"):
        env.step(0)
    with pytest.raises(CarouselError, match=r"^option 'reset_mask' is unknown; known: user$"):
        env.reset(options={"reset_mask": np.ones(1, dtype=np.bool_)})
    with pytest.raises(CarouselError, match=r"it must be an integer$"):
        env.reset(options={"user": [0, 1]})


def test_every_action_has_a_key_to_play_with():
    env = gym.make("Carousel/Unmask-v0")
    keys = env.get_wrapper_attr("get_keys_to_action")()
    assert list(keys.values()) == list(range(env.action_space.n))
    assert list(keys)[:2] == ["1", "2"]
    wide = ContentFilter(CarouselEnv(), 0, 1)
    assert wide.get_wrapper_attr("get_keys_to_action")() == {"1": 0, "2": 1, "3": 2, "4": 3}


def test_presets_have_the_fingerprints_under_which_results_are_kept():
    # docs/results and every policy file name them; a change orphans these
    assert {name: any_population(name).fingerprint for name in names()} == {
        "Boredom": "eeba468a3b58e684",
        "BoredomFaint": "2a9610aaf49b2139",
        "Taste": "3a1eccd07784fce2",
        "TasteFaint": "aef7bbdf345442d0",
        "Satiation": "21ee7a081022b88f",
        "Welfare": "a5cd21c80d806f8c",
        "Unmask": "a2ee246991759e94",
        "UnmaskShown": "f1979cd1285364dd",
        "Recall": "d84bec0df2b3a337",
    }
