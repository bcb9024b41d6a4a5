"""A session that is placed somewhere goes on like one that was played up to there."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.error import ResetNeeded

import carousel_envs  # noqa: F401  registers the environments
from carousel_envs import CarouselEnv, CarouselError, CarouselVectorEnv, Population
from carousel_envs.registry import names, vector_env
from carousel_envs.users.table import MANY

LANES = 40
PRESETS = [name for name in names() if name != "Recall"]


def population_of(name: str, **changes) -> Population:
    return Population.preset(name).replace(session_length=9, **changes)


def stated(env) -> dict[str, np.ndarray]:
    """Everything that can be stated of where sessions stand."""
    snapshot, columns = env.snapshot(), env.columns
    seen = snapshot["observation"]
    names = ("user", "turn", "persona", "streak", "mood", "farewell", "satiation")
    return {
        **{name: snapshot[name] for name in names},
        "cues": seen[:, columns.cues].astype(int),
        "engagement": seen[:, columns.engagement].astype(int),
    }


def played(env, turns: int, seed: int = 3) -> list[np.ndarray]:
    """Play; returns all that steps return."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(turns):
        picks = rng.integers(0, env.single_action_space.n, env.num_envs)
        *arrays, info = env.step(picks)
        found += [*arrays, info["mood"], info["engagement_mean"], info["user"]]
    return found


@pytest.mark.parametrize("name", [*PRESETS, "long table"])
def test_a_placed_session_goes_on_as_if_it_had_been_played_up_to_there(name: str):
    """Bit for bit, from where others stand after four turns: only the lane's stream is kept."""
    if name == "long table":
        population = population_of("Taste", n_users=2 * MANY, leave_bored=0.0, leave_fresh=0.0)
    else:
        population = population_of(name, leave_bored=0.0, leave_fresh=0.0)
        if population.has_farewells:
            # whoever says goodbye is kept, so that nobody has left
            population = population.replace(hook=1.0)
    there = vector_env(population, LANES)
    there.reset(seed=5)
    played(there, 4)
    state = stated(there)
    assert (state["turn"] == 4).all()
    assert len(np.unique(state["persona"])) > 1
    here = vector_env(population, LANES)
    here.reset(seed=5)
    here.step(np.zeros(LANES, dtype=int))
    seen, info = here.place(**state)
    assert np.array_equal(seen, there.snapshot()["observation"])
    assert np.array_equal(info["user"], state["user"])
    assert np.array_equal(info["action_mask"], there.snapshot()["mask"])
    for name, array in there.hidden().items():
        assert np.array_equal(here.hidden()[name], array), name
    for one, other in zip(played(here, 5), played(there, 5), strict=True):
        assert np.array_equal(one, other)


def test_the_scalar_environment_is_placed_like_one_lane():
    population = population_of("Satiation")
    state = {"turn": 3, "persona": 1, "streak": 2, "user": 2}
    state |= {"satiation": [0.5, 1.5, *[0.0] * (population.n_actions - 2)]}
    state |= {"cues": [0] * len(population.cues), "engagement": 1}
    alone, many = CarouselEnv(population=population), CarouselVectorEnv(3, population=population)
    alone.reset(seed=8)
    many.reset(seed=8)
    seen, info = alone.place(**state)
    all_seen, _ = many.place(**state)
    assert np.array_equal(seen, all_seen[0])
    assert info["user"] == 2
    seen, reward, *_ = alone.step(2)
    all_seen, rewards, *_ = many.step(np.full(3, 2))
    assert np.array_equal(seen, all_seen[0])
    assert reward == rewards[0]
    with pytest.raises(CarouselError, match="'moood' cannot be stated of a session; known: user"):
        alone.place(moood=1)


def test_what_is_not_stated_stays_or_follows():
    population = population_of("Taste")
    env = vector_env(population, 6)
    env.reset(seed=1)
    played(env, 3)
    before = stated(env)
    mood = np.array([0, 1, 0, 1, 0, 1])
    seen, _ = env.place(mood=mood)
    after = stated(env)
    assert np.array_equal(after.pop("mood"), mood)
    for name, array in after.items():
        assert np.array_equal(array, before[name]), name
    # somebody else speaks, for the first time
    other = (before["persona"] + 1) % population.n_actions
    seen, _ = env.place(persona=other)
    assert (stated(env)["streak"] == 1).all()
    assert np.array_equal(seen[:, env.columns.persona].argmax(axis=1), other)
    # fewer turns than the streak was long
    env.place(streak=3)
    env.place(turn=2)
    assert (stated(env)["streak"] == 2).all()
    # the beginning is that of a reset
    seen, _ = env.place(turn=0, mood=0)
    fresh = vector_env(population, 6)
    start, _ = fresh.reset(seed=1)
    assert np.array_equal(seen, start)
    for one, two in zip(played(env, 2), played(fresh, 2), strict=True):
        assert np.array_equal(one, two)


def test_moods_that_are_drawn_from_a_belief_give_what_the_belief_predicts():
    population = population_of("Boredom")
    env, n = vector_env(population, 20_000), 20_000
    env.reset(seed=2)
    env.step(np.zeros(n, dtype=int))
    rng = np.random.default_rng(0)
    env.place(mood=rng.random(n) < 0.3)
    *_, info = env.step(stated(env)["persona"])
    mean = float(np.mean(info["engagement_mean"]))
    expected = 0.7 * population.engagement_fresh + 0.3 * population.engagement_bored
    assert mean == pytest.approx(expected, abs=0.01)


def test_a_session_that_is_over_goes_on():
    population = population_of("Boredom", leave_bored=1.0, leave_fresh=1.0)
    env = vector_env(population, 2, autoreset_mode="Disabled")
    env.reset(seed=0)
    _, _, terminated, _, _ = env.step(np.zeros(2, dtype=int))
    assert terminated.all()
    with pytest.raises(ResetNeeded):
        env.step(np.zeros(2, dtype=int))
    env.place(mood=0)
    env.step(np.zeros(2, dtype=int))


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"mood": 2}, "mood holds 2; it must lie in 0 to 1"),
        ({"mood": 0.5}, r"mood is 0\.5; it must hold whole numbers"),
        ({"mood": [0, 1]}, r"mood has shape \(2,\); it must have shape \(\) or \(3,\)"),
        ({"user": 10**6}, "user holds 1000000; it must lie in 0 to"),
        ({"user": -1}, "user holds -1; it must lie in 0 to"),
        ({"turn": 9}, "turn holds 9; it must lie in 0 to 8"),
        ({"turn": 0, "persona": 1}, "persona of lane 0 is 1 at turn 0"),
        ({"persona": -1}, "persona of lane 0 is -1 at turn 2"),
        ({"persona": 77}, "persona holds 77; it must lie in -1 to"),
        ({"streak": 3}, "streak of lane 0 is 3 at turn 2; it must lie in 1 to 2"),
        ({"streak": 0}, "streak of lane 0 is 0 at turn 2; it must lie in 1 to 2"),
        ({"farewell": 1}, "farewell holds 1; it must lie in 0 to 0"),
        ({"turn": 0, "persona": 0}, "persona of lane 0 is 0 at turn 0"),
        ({"cues": 9}, "cues holds 9; it must lie in 0 to"),
        ({"cues": -1}, "cues holds -1; it must lie in 0 to"),
        ({"cues": [0, 0]}, r"cues has shape \(2,\); it must have shape \(\), \(4,\) or \(3, 4\)"),
        ({"engagement": 2}, "engagement holds 2; it must lie in 0 to 1"),
        ({"satiation": 2.5}, "satiation of lane 0 is .* at turn 2; it must lie in 0 to 2"),
        ({"satiation": float("nan")}, "satiation of lane 0 is .* it must lie in 0 to 2"),
        ({"satiation": "x"}, "satiation is 'x'; it must hold numbers"),
    ],
)
def test_what_no_session_can_be_is_refused_and_nothing_changes(state, sentence: str):
    env = vector_env(population_of("Taste"), 3)
    env.reset(seed=1)
    played(env, 2)
    before = env.snapshot()
    with pytest.raises(CarouselError, match=sentence):
        env.place(**state)
    for name, array in env.snapshot().items():
        assert np.array_equal(array, before[name]), name


def test_a_persona_who_is_missing_cannot_have_spoken():
    population = population_of("Taste", unavailability=0.5)
    env = vector_env(population, LANES)
    env.reset(seed=1)
    mask = env.snapshot()["mask"]
    away = mask.argmin(axis=1)
    assert (mask[np.arange(LANES), away] == 0).any()
    with pytest.raises(CarouselError, match=r"persona .* of lane .* is unavailable to user"):
        env.place(turn=2, persona=away, cues=0, engagement=1)


def test_what_was_shown_last_must_be_told_where_nothing_was():
    env = vector_env(population_of("Boredom"), 3)
    with pytest.raises(ResetNeeded, match="place was called before reset"):
        env.place(mood=1)
    env.reset(seed=1)
    with pytest.raises(CarouselError, match="cues and engagement must be stated"):
        env.place(turn=2, persona=0)
    with pytest.raises(CarouselError, match="cues and engagement must be stated"):
        env.place(turn=2, persona=0, cues=1)
    env.place(turn=2, persona=0, cues=1, engagement=0)


def test_nobody_has_said_goodbye_before_the_first_turn():
    env = vector_env(population_of("Welfare"), 2)
    env.reset(seed=1)
    with pytest.raises(CarouselError, match="farewell of lane 0 is 1 at turn 0"):
        env.place(turn=0, farewell=1)
