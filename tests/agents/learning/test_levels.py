"""Training on several populations at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.buffers import RolloutBuffer

from carousel_agents.learning import callback
from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.levels import Levels
from carousel_agents.learning.levels.division import EQUAL_SHARE, divided, divided_by_regret
from carousel_agents.learning.levels.vec_env import SESSIONS_PER_DIVISION, LevelsVecEnv
from carousel_agents.learning.train import Run, execute
from carousel_agents.learning.view import Scaling, View
from carousel_envs import CarouselError, any_population
from carousel_envs.reference import solve
from carousel_envs.shifts import SHIFTS
from support.resumed import KilledError, contents, interrupt_after, until_done
from support.small_runs import BOREDOM, SMALL, small

if TYPE_CHECKING:
    from pathlib import Path

SHORT = BOREDOM.replace(session_length=6)
QUICK = SHIFTS["hazard"].apply(SHORT, 1.0)
PAID = SHIFTS["swap-cost"].apply(SHORT, 1.0)


def by_regret(*shifts: str) -> Levels:
    return Levels(shifts, "regret")


def lanes(number: int = 12, values=None, populations=(SHORT, QUICK, PAID)) -> LevelsVecEnv:
    return LevelsVecEnv(populations, number, 50, values=values, infos="ends")


# -- division --------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=20), st.integers(0, 500))
def test_every_level_has_a_lane_and_no_lane_is_lost(weights, more):
    lanes = len(weights) + more
    parts = divided(lanes, weights)
    assert parts.sum() == lanes
    assert (parts >= 1).all()
    if sum(weights) > 0.0:
        shares = np.array(weights) / sum(weights)
        assert (np.abs(parts - 1 - shares * more) <= 1.0 + 1e-6).all()


def test_divisions_that_can_be_done_by_hand():
    assert divided(7, [1.0, 1.0, 1.0]).tolist() == [3, 2, 2]
    # 7.5 and 2.5 of the ten that are left: of equal remainders the first is rounded up
    assert divided(13, [0.0, 3.0, 1.0]).tolist() == [1, 9, 3]
    assert divided(10, [0.0, 0.0]).tolist() == [5, 5]
    # a quarter of 100 lanes in equal parts, the rest as 3 to 1, and one lane for each
    assert EQUAL_SHARE == 0.25
    assert divided_by_regret(102, [3.0, 1.0]).tolist() == [1 + 69, 1 + 31]
    assert divided_by_regret(102, [3.0, -1.0]).tolist() == [1 + 88, 1 + 12]
    assert divided_by_regret(102, [0.0, -1.0]).tolist() == [51, 51]


def test_fewer_lanes_than_levels_are_refused():
    with pytest.raises(CarouselError, match="lanes is 2; with 3 levels"):
        lanes(2)


# -- lanes -----------------------------------------------------------------------------------------


def test_a_level_is_played_as_its_population_is_alone():
    """Bit for bit, from a seed that depends on the lane and on nothing else."""
    env = lanes(12)
    assert env.counts.tolist() == [4, 4, 4]
    alone = [
        CarouselVecEnv.of(population, 4, 50 + 4 * i, infos="ends")
        for i, population in enumerate((SHORT, QUICK, PAID))
    ]
    np.testing.assert_array_equal(env.reset(), np.concatenate([each.reset() for each in alone]))
    rng = np.random.default_rng(0)
    for _ in range(20):
        picks = rng.integers(0, 4, 12)
        observation, reward, done, infos = env.step(picks)
        played = [each.step(part) for each, part in zip(alone, picks.reshape(3, 4), strict=True)]
        np.testing.assert_array_equal(observation, np.concatenate([row[0] for row in played]))
        np.testing.assert_array_equal(reward, np.concatenate([row[1] for row in played]))
        np.testing.assert_array_equal(done, np.concatenate([row[2] for row in played]))
        told = [info for row in played for info in row[3]]
        assert [info.get("episode", {}).get("r") for info in infos] == [
            info.get("episode", {}).get("r") for info in told
        ]


def turns(env: LevelsVecEnv, number: int) -> None:
    for turn in range(number):
        env.step(np.full(env.num_envs, turn % 4))


def test_lanes_are_divided_when_each_had_some_sessions_and_not_before():
    env = lanes(values=[5.0, 5.0, 5.0])
    env.reset()
    turns(env, SESSIONS_PER_DIVISION * 6 - 1)
    assert not env.divide()
    turns(env, 1)
    assert env.divide()
    assert env.division == 1
    env.reset()
    assert not env.divide()
    equal = lanes()
    equal.reset()
    turns(equal, 100)
    assert not equal.divide(), "without references, parts stay equal"


def mean_returns(env: LevelsVecEnv) -> np.ndarray:
    """What each level's lanes earn in their first four sessions, played until a division is due."""
    env.reset()
    earned: list[list[float]] = [[] for _ in range(env.num_envs)]
    for turn in range(SESSIONS_PER_DIVISION * 6):
        _, _, done, infos = env.step(np.full(env.num_envs, turn % 4))
        for lane in np.flatnonzero(done):
            earned[lane].append(infos[lane]["episode"]["r"])
    assert min(map(len, earned)) >= SESSIONS_PER_DIVISION == 4
    means = np.array([np.mean(returns[:4]) for returns in earned])
    return np.array([part.mean() for part in np.split(means, np.cumsum(env.counts)[:-1])])


def test_regret_is_what_whole_sessions_earn_less_than_the_reference():
    values = np.array([4.0, 3.0, 9.0])
    env = lanes(values=values)
    found = values - mean_returns(env)
    env.divide()
    np.testing.assert_allclose(env.regret, found)
    np.testing.assert_array_equal(env.counts, divided_by_regret(12, found))
    assert env.counts[2] == env.counts.max() > 4

    # the next estimate is the mean of the last one and of what is seen then
    seen = values - mean_returns(env)
    env.divide()
    np.testing.assert_allclose(env.regret, (found + seen) / 2)


def test_sessions_that_a_division_would_cut_short_do_not_count():
    """Users who leave as soon as they are bored: of sessions that end, too many are short ones."""
    lanes, turns = 8000, SESSIONS_PER_DIVISION * 6
    short = SHORT.replace(boredom_hazard=0.3, leave_bored=0.9)
    env = LevelsVecEnv((short,), lanes, 50, values=[0.0], infos="ends")
    env.reset()
    ended = []
    for _ in range(turns):
        _, _, done, infos = env.step(np.zeros(lanes, dtype=np.int64))
        ended += [infos[lane]["episode"]["r"] for lane in np.flatnonzero(done)]
    env.divide()
    alone = CarouselVecEnv.of(short, 40_000, 10**6, infos="ends")
    alone.reset()
    first = np.full(40_000, np.nan)
    for _ in range(6):
        _, _, done, infos = alone.step(np.zeros(40_000, dtype=np.int64))
        for lane in np.flatnonzero(done & np.isnan(first)):
            first[lane] = infos[lane]["episode"]["r"]
    error = first.std() * np.sqrt(1 / 40_000 + 1 / (SESSIONS_PER_DIVISION * lanes))
    assert abs(-env.regret[0] - first.mean()) < 4 * error
    assert abs(np.mean(ended) - first.mean()) > 5 * error, "the others would be a bias"


def test_no_lane_plays_a_session_twice():
    env = lanes(values=[5.0, 5.0, 5.0])
    played: set[tuple[int, int]] = set()
    for division in range(3):
        env.reset()
        for _ in range(SESSIONS_PER_DIVISION * 6):
            state = env.snapshot()
            episodes = np.concatenate([state[f"level{i}.env.episode"] for i in range(3)])
            done = env.step(np.zeros(12, dtype=np.int64))[2]
            for lane in np.flatnonzero(done):
                key = (int(lane), int(episodes[lane]))
                assert key not in played
                played.add(key)
        assert env.division == division
        assert env.divide()


def test_a_snapshot_brings_back_division_and_sessions():
    env = lanes(values=[5.0, 9.0, 5.0])
    env.reset()
    turns(env, SESSIONS_PER_DIVISION * 6)
    env.divide()
    env.reset()
    turns(env, 5)
    kept = env.snapshot()
    other = lanes(values=[5.0, 9.0, 5.0])
    other.reset()
    other.restore(kept)
    for _ in range(SESSIONS_PER_DIVISION * 6 - 5):
        one, two = (each.step(np.ones(12, dtype=np.int64)) for each in (env, other))
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])
    assert env.divide()
    assert other.divide()
    np.testing.assert_array_equal(env.counts, other.counts)
    np.testing.assert_array_equal(env.regret, other.regret)
    np.testing.assert_array_equal(env.reset(), other.reset())


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [([12, 0, 0], r"into \[12, 0, 0\]"), ([4, 4, 5], "add up to 12"), ([-4, 8, 8], "1 at least")],
)
def test_a_snapshot_that_does_not_add_up_is_refused(counts, sentence):
    env = lanes(values=[5.0, 9.0, 5.0])
    env.reset()
    kept = {**env.snapshot(), "counts": np.array(counts)}
    with pytest.raises(CarouselError, match=sentence):
        env.restore(kept)


def test_attributes_and_methods_answer_lane_by_lane():
    env = lanes(7, populations=(SHORT, SHIFTS["unavailable"].apply(SHORT, 1.0)))
    env.reset()
    assert env.counts.tolist() == [4, 3]
    masks = env.env_method("action_masks")
    assert len(masks) == 7
    assert np.all(masks[:4])
    assert not np.all(masks[4:])
    assert [*env.env_method("action_masks", indices=[6, 0])[0]] == [*masks[6]]
    populations = env.get_attr("population")
    assert populations[:4] == [SHORT] * 4
    assert populations[4] != SHORT
    env.set_attr("note", 3, [5])
    assert env.get_attr("note", [5]) == [3]
    assert env.env_is_wrapped(View, [1, 2]) == [False, False]
    with pytest.raises(CarouselError, match="cannot be seeded anew"):
        env.seed(3)


# -- training --------------------------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("algorithm", "curriculum", "kills"),
    [
        ("ppo", "regret", (3, 5)),
        ("maskable-recurrent-ppo", "regret", (3, 5)),
        ("dqn", "regret", (10, 60)),
        ("recurrent-ppo", "uniform", (2, 4)),
    ],
)
def test_a_run_that_was_cut_short_ends_as_if_it_had_not_been(
    algorithm, curriculum, kills, tmp_path: Path, monkeypatch
):
    levels = Levels(("unavailable=1", "hazard=1"), curriculum)
    run = small(algorithm, SHORT, levels=levels)
    whole = execute(run)
    divisions = []
    save = callback.save_checkpoint

    def noted(path, model, *others):
        divisions.append(model.env.unwrapped.division)
        save(path, model, *others)

    monkeypatch.setattr(callback, "save_checkpoint", noted)
    interrupt_after(monkeypatch, *kills)
    resumed = until_done(run, tmp_path / "checkpoint")
    assert resumed.training["resumed"] == 2
    before, after = (divisions[kill - 1] for kill in kills)
    assert before == 0
    assert (after > 0) == (curriculum == "regret"), "the second kill comes after a division"
    assert ("division" in whole.training) == (curriculum == "regret")
    assert contents(whole, tmp_path) == contents(resumed, tmp_path)


def test_a_policy_file_tells_its_levels_and_the_last_division():
    levels = by_regret("unavailable=1", "hazard=1")
    file = execute(small("ppo", SHORT, levels=levels))
    known = [level.fingerprint for level in levels.populations(SHORT, View())[1:]]
    assert file.training["levels"] == {
        "shifts": ["unavailable=1", "hazard=1"],
        "curriculum": "regret",
        "populations": known,
    }
    division = file.training["division"]
    assert sum(division["lanes"]) == 16
    assert division["lanes"] == divided_by_regret(16, division["regret"]).tolist()
    one_rollout = small("ppo", SHORT, levels=levels, steps=300)
    assert "division" not in execute(one_rollout).training


def test_a_checkpoint_of_a_run_with_levels_is_refused_by_one_without(tmp_path: Path, monkeypatch):
    path = tmp_path / "checkpoint"
    interrupt_after(monkeypatch, 1)
    with pytest.raises(KilledError):
        execute(
            small("ppo", SHORT, levels=by_regret("hazard=1")),
            checkpoint=path,
            checkpoint_seconds=0.0,
        )
    with pytest.raises(CarouselError, match=r"its levels is .* and 'nothing' is asked for"):
        execute(small("ppo", SHORT), checkpoint=path)


def test_context_is_scaled_by_all_who_are_trained_on():
    """By the training users alone, who are all alike here, what levels differ in would vanish."""
    view = View(visible_context=True)
    alone, both = Scaling.of(SHORT, view), Scaling.of(SHORT, view, [QUICK])
    hazard = view.columns(SHORT).index("hazard_alice")
    low, high = SHORT.boredom_hazard, QUICK.boredom_hazard
    assert alone.scale[hazard] == 1.0
    assert both.centre[hazard] == pytest.approx((low + high) / 2, rel=1e-4)
    assert both.scale[hazard] == pytest.approx((high - low) / 2, rel=1e-4)
    own = len(View().columns(SHORT))
    np.testing.assert_array_equal(alone.scale[:own], both.scale[:own])
    run = small("ppo", SHORT, levels=by_regret("hazard=1"), view=view)
    np.testing.assert_array_equal(execute(run).scaling.scale, both.scale)


def test_the_learner_is_told_where_a_division_begins_sessions(monkeypatch):
    seen = []
    divide = LevelsVecEnv.divide

    def noted(self):
        seen.append(divide(self))
        return seen[-1]

    monkeypatch.setattr(LevelsVecEnv, "divide", noted)
    begins = []
    add = RolloutBuffer.add

    def note(self, obs, action, reward, episode_start, value, log_prob):
        if self.pos == 0:
            begins.append((np.asarray(episode_start) == 1).all())
        add(self, obs, action, reward, episode_start, value, log_prob)

    monkeypatch.setattr(RolloutBuffer, "add", note)
    execute(small("ppo", SHORT, levels=by_regret("hazard=1")))
    assert any(seen[1:])
    assert begins[0]
    assert [b for b, divided in zip(begins, seen, strict=True) if divided] == [True] * sum(seen)


def test_returns_of_several_turns_end_where_a_division_cuts_a_session_short(monkeypatch):
    seen = []
    divide_anew = callback._divide_anew

    def noted(model):
        before = model.env.unwrapped.division
        divide_anew(model)
        if model.env.unwrapped.division > before:
            seen.append((model.replay_buffer, model.replay_buffer.pos - 1))

    monkeypatch.setattr(callback, "_divide_anew", noted)
    settings = {**SMALL["dqn"], "n_steps": 3}
    long = BOREDOM.replace(
        session_length=7
    )  # divided every 28 turns, where others have left before
    execute(small("dqn", long, levels=by_regret("hazard=1,patience=1"), settings=settings))
    assert len(seen) >= 2
    for buffer, last in seen:
        going_on = buffer.dones[last] == 0.0
        assert going_on.any()
        np.testing.assert_array_equal(buffer.timeouts[last], going_on)


def test_levels_name_the_router_and_tell_its_request_apart():
    uniform, regret = Levels(("hazard=1",)), by_regret("hazard=1")
    plain = Run.of(SHORT, environment="Boredom")
    assert "levels" not in plain.request()
    one, two = (Run.of(SHORT, environment="Boredom", levels=each) for each in (uniform, regret))
    assert (one.label, two.label) == ("randomised", "regret")
    known = SHIFTS["hazard"].apply(SHORT, 1.0).fingerprint
    assert one.request()["levels"] == {
        "shifts": ["hazard=1"],
        "curriculum": "uniform",
        "populations": [known],
    }
    assert Run.of(SHORT, environment="Boredom", levels=regret, label="mine").label == "mine"


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ((), "there are 0 levels"),
        (("hazard=1", "hazard=1"), "more than once"),
        (("hazrd=1",), "'hazrd' is unknown"),
        (("hazard=2",), "severity"),
        (("hazard=0",), "same users as another level"),
        (("unseen-persona=1",), "shows other columns"),
    ],
)
def test_levels_that_are_none_are_refused(texts, sentence):
    with pytest.raises(CarouselError, match=sentence) as told:
        Run.of(any_population("Taste"), environment="Taste", levels=Levels(tuple(texts)))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("given", ["hazard=1", None, (1,), 3])
def test_levels_that_are_no_texts_are_refused(given):
    with pytest.raises(CarouselError, match=r"levels are .*; they must be texts"):
        Levels(given)
    with pytest.raises(CarouselError, match="must be a Levels, or None"):
        Run.of(SHORT, environment="Boredom", levels=given or 1, label="mine")


def test_a_level_has_one_text_however_it_is_written():
    assert Levels(("hazard=1.0", " fit=0.50, patience = 1")).shifts == (
        "hazard=1",
        "fit=0.5,patience=1",
    )
    assert Levels(("hazard=0.1234567890123",)).shifts == ("hazard=0.1234567890123",)
    with pytest.raises(CarouselError, match="'hazard=1' more than once"):
        Levels(("hazard=1.0", "hazard=1"))


def test_an_unknown_curriculum_is_refused():
    with pytest.raises(CarouselError, match="curriculum is 'best'; it must be 'uniform' or"):
        Levels(("hazard=1",), "best")


def test_shifts_of_a_level_are_applied_one_after_the_other():
    both = Levels(("hazard=1,swap-cost=0.5",)).populations(BOREDOM, View())[1]
    assert both == SHIFTS["swap-cost"].apply(SHIFTS["hazard"].apply(BOREDOM, 1.0), 0.5)


def test_the_values_are_those_of_the_reference(monkeypatch):
    seen = []
    made = LevelsVecEnv.__init__

    def noted(self, populations, lanes, seed, *, values=None, **options):
        seen.append((populations, values))
        made(self, populations, lanes, seed, values=values, **options)

    monkeypatch.setattr(LevelsVecEnv, "__init__", noted)
    execute(small("ppo", SHORT, levels=by_regret("hazard=1")))
    ((populations, values),) = seen
    assert populations == (SHORT, QUICK)
    assert values == [solve(SHORT).value, solve(QUICK).value]
