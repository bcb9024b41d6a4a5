"""Wrappers: one batched implementation, a scalar and a vector form, every autoreset mode."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorWrapper

from carousel_envs import (
    CarouselEnv,
    CarouselError,
    CarouselVectorEnv,
    Columns,
    Population,
    Questions,
    RecallVectorEnv,
    column_names,
    user_table,
)
from carousel_envs.reference.acting.filtering import Filter
from carousel_envs.reference.model import Model
from carousel_envs.wrappers import (
    BeliefFeatures,
    Clairvoyance,
    ContentFilter,
    History,
    LaneWrapper,
    VisibleContext,
    Yoked,
)
from support.env_helpers import CUES, busy, plain, sticky_actions
from support.matrix import most_later
from support.vector_steps import assert_same

MODES = list(AutoresetMode)
D = Columns.of(busy()).width


def after_engagement(observation, picks):
    """Bob speaks after every engagement: a rule that reads the observation, row by row."""
    return np.where(observation[:, Columns.of(busy()).engagement] > 0, 1, picks)


def block(env):
    return ContentFilter(env, blocked=("alice", 2), replacement="bob")


def rule(env):
    return ContentFilter(env, rule=after_engagement)


def belief(env):
    return BeliefFeatures(env, ("bored", "kind", "joint"))


def replaced(env):
    return BeliefFeatures(env, ("kind", "bored"), replace=True, kinds=3)


def history(env):
    return History(env, 3)


def stack(env):
    return rule(History(BeliefFeatures(VisibleContext(block(env)), ("bored", "kind")), 2))


def stack_the_other_way(env):
    return belief(VisibleContext(block(history(env))))


WRAPPERS = {
    "block": block,
    "rule": rule,
    "context": VisibleContext,
    "history": history,
    "belief": belief,
    "replaced": replaced,
    "clairvoyance": Clairvoyance,
    "yoked": Yoked,
    "yoked below": lambda env: history(belief(Yoked(env))),
    "stack": stack,
    "stack the other way": stack_the_other_way,
}
OBSERVERS = {name: make for name, make in WRAPPERS.items() if name not in ("block", "rule")}


def scalar(make=lambda env: env, **changes):
    return make(CarouselEnv(population=busy(**changes)))


def vector(make=lambda env: env, lanes=7, mode=AutoresetMode.NEXT_STEP, copied=True, **changes):
    return make(
        CarouselVectorEnv(lanes, population=busy(**changes), autoreset_mode=mode, copy=copied)
    )


def sessions(env, turns, seed=0):
    """Every observation that the router gets: lane by lane, the rows of each session."""
    mode = env.metadata["autoreset_mode"]
    obs, _ = env.reset(seed=seed)
    lanes = [[[row]] for row in obs]
    over = np.zeros(env.num_envs, dtype=bool)
    for actions in sticky_actions(seed, turns, env.num_envs, 4):
        if mode == AutoresetMode.DISABLED and over.any():
            obs, _ = env.reset(options={"reset_mask": over})
            for i in np.flatnonzero(over):
                lanes[i].append([obs[i]])
        before = over
        obs, _, terminated, truncated, info = env.step(actions)
        over = terminated | truncated
        for i, lane in enumerate(lanes):
            if mode == AutoresetMode.NEXT_STEP and before[i]:
                lane.append([obs[i]])
            elif mode == AutoresetMode.SAME_STEP and over[i]:
                lane[-1].append(info["final_obs"][i])
                lane.append([obs[i]])
            else:
                lane[-1].append(obs[i])
    assert all(len(lane) > 2 for lane in lanes), "the test must see several sessions"
    return [np.array(session) for lane in lanes for session in lane]


# -- the two forms --------------------------------------------------------------------------------


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mode", most_later(MODES, lambda mode: mode == AutoresetMode.SAME_STEP))
@pytest.mark.parametrize("name", WRAPPERS)
def test_every_lane_is_the_scalar_form(name, mode):
    make, lanes = WRAPPERS[name], 7
    native = vector(make, lanes, mode)
    sync = SyncVectorEnv([lambda: scalar(make)] * lanes, autoreset_mode=mode)
    assert native.single_observation_space == sync.single_observation_space
    assert native.observation_space == sync.observation_space
    assert native.action_space == sync.action_space
    for turns, seed in ((40, 5), (9, 6), (20, None)):
        assert_same(native.reset(seed=seed), sync.reset(seed=seed))
        for actions in sticky_actions(turns, turns, lanes, 4):
            one, other = native.step(actions), sync.step(actions)
            assert_same(one, other)
            assert one[0] in native.observation_space
            over = one[2] | one[3]
            if mode == AutoresetMode.SAME_STEP and over.any():
                assert (one[-1]["final_obs"][over] <= native.single_observation_space.high).all()
            if mode == AutoresetMode.DISABLED and over.any():
                options = {"reset_mask": over}
                assert_same(native.reset(options=options), sync.reset(options=options))


@pytest.mark.parametrize("name", WRAPPERS)
def test_one_name_makes_the_form_that_fits(name):
    one, many = scalar(WRAPPERS[name]), vector(WRAPPERS[name], 3)
    assert isinstance(one, gym.Wrapper)
    assert isinstance(many, VectorWrapper)
    public = {
        "History": History,
        "VisibleContext": VisibleContext,
        "BeliefFeatures": BeliefFeatures,
        "Clairvoyance": Clairvoyance,
    }
    for env in (one, many):
        for ending, cls in public.items():
            assert isinstance(env, cls) == type(env).__name__.endswith(ending)
        assert env.population == busy()
    one.reset(seed=0)
    many.reset(seed=0)
    np.testing.assert_array_equal(one.action_masks(), one.unwrapped.action_masks())
    np.testing.assert_array_equal(many.action_masks()[0], one.action_masks())
    assert many.hidden()["user"][0] == one.hidden()["user"]


@pytest.mark.parametrize("name", WRAPPERS)
def test_every_column_has_a_name_and_the_environments_own_come_first(name):
    env = vector(WRAPPERS[name], 3)
    names = env.column_names
    assert len(names) == len(set(names)) == env.single_observation_space.shape[0]
    assert names == scalar(WRAPPERS[name]).column_names
    if name == "replaced":
        return
    assert names[:D] == column_names(busy())
    bare = vector(lanes=3)
    own = bare.single_observation_space
    np.testing.assert_array_equal(env.single_observation_space.low[:D], own.low)
    np.testing.assert_array_equal(env.single_observation_space.high[:D], own.high)
    if name in OBSERVERS and "stack" not in name and "yoked" not in name:
        for a, b in zip(sessions(env, 40), sessions(bare, 40), strict=True):
            np.testing.assert_array_equal(a[:, :D], b)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_wrappers_stack_in_any_order(order):
    makers = [block, VisibleContext, lambda env: History(env, 2), BeliefFeatures]
    env = vector(lanes=5, mode=AutoresetMode.SAME_STEP)
    for which in order:
        env = makers[which](env)
    only = vector(block, lanes=5, mode=AutoresetMode.SAME_STEP)
    alone = vector(lambda e: BeliefFeatures(block(e)), 5, AutoresetMode.SAME_STEP)
    column = env.column_names.index("belief_bored")
    for a, b, c in zip(sessions(env, 40), sessions(only, 40), sessions(alone, 40), strict=True):
        np.testing.assert_array_equal(a[:, :D], b)
        np.testing.assert_array_equal(a[:, column], c[:, D])


# -- the content filter ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES[:2])
def test_a_blocked_pick_is_replaced_before_it_is_enacted(mode):
    env, bare = vector(block, 20, mode), vector(lanes=20, mode=mode)
    env.reset(seed=3)
    bare.reset(seed=3)
    n_filtered, before = 0, np.zeros(20, dtype=np.bool_)
    for actions in sticky_actions(0, 40, 20, 4):
        passed = np.array([1, 1, 1, 3])[actions]
        step, expected = env.step(actions), bare.step(passed)
        info, known = step[-1], expected[-1]
        for a, b in zip(step[:4], expected[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        assert info["_filtered"].all()
        ended = step[2] | step[3]
        starts, before = ended if mode == AutoresetMode.SAME_STEP else before, ended
        np.testing.assert_array_equal(info["filtered"], (passed != actions) & ~starts)
        n_filtered += info["filtered"].sum()
        np.testing.assert_array_equal(info["action_mask"], known["action_mask"])
        if "final_info" in info:
            final, over = info["final_info"], info["_final_info"]
            np.testing.assert_array_equal(final["_filtered"], over)
            np.testing.assert_array_equal(final["filtered"][over], (passed != actions)[over])
    assert n_filtered > 50


def test_a_replacement_that_is_unavailable_is_refused_by_the_environment():
    env = scalar(lambda e: ContentFilter(e, blocked=0, replacement=1))
    table = user_table(busy())
    user = int(np.flatnonzero(table.available[:, 3] & ~table.available[:, 1])[0])
    env.reset(seed=0, options={"user": user})
    assert not env.step(3)[-1]["filtered"]
    obs, *_, info = env.step(0)
    assert info["filtered"]
    assert info["refused"]
    assert obs[Columns.of(busy()).persona].argmax() == 3


@pytest.mark.parametrize("copied", [True, False])
def test_a_rule_reads_what_the_router_saw_and_its_picks_can_be_blocked(copied):
    seen = []

    def to_alice(observation, picks):
        seen.append((observation.copy(), picks.copy()))
        picks[:] = 0
        return picks

    env = vector(lanes=4, copied=copied, fit=1.0, unavailability=0.0)
    env = ContentFilter(History(env, 2), ["alice"], "coach", to_alice)
    obs, _ = env.reset(seed=0)
    played = np.ones(4, dtype=np.bool_)
    for actions in sticky_actions(0, 10, 4, 4):
        before, picks = obs.copy(), actions.copy()
        if copied:
            obs[:] = 7.0
        obs, _, terminated, truncated, info = env.step(actions.astype(np.uint8))
        np.testing.assert_array_equal(seen[-1][0], before)
        assert seen[-1][1].dtype == np.int64
        np.testing.assert_array_equal(seen[-1][1], picks)
        np.testing.assert_array_equal(actions, picks)
        spoke = obs[:, Columns.of(busy()).persona].argmax(axis=1)
        assert (spoke[played] == 2).all()
        np.testing.assert_array_equal(info["filtered"], (picks != 2) & played)
        played = ~(terminated | truncated)


def test_the_filter_leaves_bad_actions_to_the_environment():
    for actions in ([0, 1], [0, 1, 4], [0, 1, -1], [0.0, 1.0, 2.0], [True, False, True]):
        env, bare = vector(block, 3), vector(lanes=3)
        with pytest.raises(ResetNeeded):
            env.step(np.array([0, 1, 2]))
        env.reset(seed=0)
        bare.reset(seed=0)
        messages = []
        for either in (env, bare):
            with pytest.raises(CarouselError, match="action") as caught:
                either.step(np.array(actions))
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
    one = scalar(block)
    with pytest.raises(ResetNeeded):
        one.step(0)
    one.reset(seed=0)
    for action in (4, -1, 1.0, True, None, "alice", [0, 1], 2**70):
        with pytest.raises(CarouselError, match="action"):
            one.step(action)


@pytest.mark.parametrize(
    "answer", [np.zeros(2, dtype=int), np.zeros(3), np.full(3, 4), np.full(3, -1), None], ids=str
)
def test_a_rule_must_return_picks(answer):
    env = vector(lambda e: ContentFilter(e, rule=lambda observation, picks: answer), 3)
    env.reset(seed=0)
    with pytest.raises(CarouselError, match="rule") as caught:
        env.step(np.array([0, 1, 2]))
    assert "\n" not in str(caught.value)


# -- the visible context --------------------------------------------------------------------------


def context_rows(population):
    table = user_table(population)
    parts = (table.fit, table.hazard, table.engagement, table.leave, table.gain, table.memory)
    return np.column_stack([part.reshape(len(table), -1) for part in parts]).astype(np.float32)


@pytest.mark.parametrize("mode", MODES)
def test_the_context_is_the_row_of_the_user_in_session(mode):
    env = vector(VisibleContext, 20, mode)
    rows, met = context_rows(busy()), set()
    obs, info = env.reset(seed=1)
    for actions in sticky_actions(0, 50, 20, 4):
        np.testing.assert_array_equal(obs[:, D:], rows[info["user"]])
        np.testing.assert_array_equal(env.hidden()["user"], info["user"])
        met |= set(info["user"].tolist())
        obs, _, terminated, truncated, info = env.step(actions)
        over = terminated | truncated
        if mode == AutoresetMode.SAME_STEP and over.any():
            final, user = info["final_obs"], info["final_info"]["user"]
            np.testing.assert_array_equal(final[over, D:], rows[user[over]])
        if mode == AutoresetMode.DISABLED and over.any():
            obs, info = env.reset(options={"reset_mask": over})
    assert len(met) > 25


@pytest.mark.parametrize("mode", MODES)
def test_clairvoyance_shows_what_is_hidden_and_nothing_once_a_session_is_over(mode):
    env = vector(Clairvoyance, 20, mode)
    obs, _ = env.reset(seed=1)
    ended, over = 0, np.zeros(20, dtype=bool)
    for actions in sticky_actions(0, 50, 20, 4):
        hidden = env.hidden()
        told = np.column_stack([hidden["user"], hidden["mood"], hidden["satiation"]])
        shown = np.where((over & (mode == AutoresetMode.NEXT_STEP))[:, None], 0.0, told)
        np.testing.assert_array_equal(obs[:, D:], shown.astype(np.float32))
        obs, _, terminated, truncated, info = env.step(actions)
        over = terminated | truncated
        ended += over.sum()
        last = info["final_obs"] if mode == AutoresetMode.SAME_STEP and over.any() else obs
        assert (last[over, D:] == 0.0).all()
        if mode == AutoresetMode.DISABLED and over.any():
            obs, _ = env.reset(options={"reset_mask": over})
    assert ended > 20
    names = [f"hidden_satiation_{name}" for name in busy().personas]
    assert env.column_names[D:] == ("hidden_user", "hidden_mood", *names)


def test_clairvoyance_shows_the_true_question():
    questions = Questions(topic_noise=0.5, year_noise=0.5)
    env = Clairvoyance(RecallVectorEnv(50, population=questions))
    obs, _ = env.reset(seed=0)
    wrong = 0
    for _ in range(10):
        topic, year = obs[:, -2].astype(int), obs[:, -1].astype(int)
        seen = env.unwrapped.columns.question(obs)
        wrong += (seen[0] != topic).sum()
        obs, *_, info = env.step(np.zeros(50, dtype=int))
        np.testing.assert_array_equal(info["topic"], topic)
        np.testing.assert_array_equal(info["year"], year + questions.first_year)
    assert wrong > 100


def test_context_columns_are_named_chosen_and_in_the_order_asked_for():
    env = scalar(VisibleContext)
    names = env.column_names[D:]
    assert names[:2] == ("fit_alice", "fit_bob")
    assert names[4:6] == ("hazard_alice", "hazard_bob")
    assert names[-1] == "satiation_memory"
    assert {"leave_fresh", "leave_bored"} < set(names)
    for field in ("engagement", "satiation_gain"):
        assert any(name.startswith(field) for name in names)
    assert len(names) == context_rows(busy()).shape[1]
    show = ("session_length", "leave_bored", "hazard", "swap_cost")
    env = scalar(lambda e: VisibleContext(e, show))
    expected = ("session_length", "leave_bored", *names[4:8], "swap_cost")
    assert env.column_names[D:] == expected
    obs, _ = env.reset(seed=0, options={"user": 11})
    table = user_table(busy())
    values = [12.0, table.leave[11, 1], *table.hazard[11], 0.3]
    np.testing.assert_array_equal(obs[D:], np.array(values, dtype=np.float32))
    assert scalar(lambda e: VisibleContext(e, "fit_bob")).column_names[D:] == ("fit_bob",)


def test_the_bounds_of_the_context_are_those_of_every_population():
    def space(**changes):
        show = ("fit", "leave", "satiation_gain", "satiation_memory", "swap_cost", "session_length")
        return scalar(lambda e: VisibleContext(e, show), **changes).observation_space

    one, other = space(), space(leave_bored=0.9, swap_cost=100.0, satiation_gain=10.0)
    assert one == other
    top = dict(zip(("gain", "memory", "cost", "length"), one.high[-4:].tolist(), strict=True))
    # a gain and how fast a persona wears off, each of which may be 10
    assert top == {"gain": 100.0, "memory": 1.0, "cost": 100.0, "length": 10_000.0}
    for field, high in (("satiation_gain", 10.0), ("swap_cost", 100.0), ("session_length", 10_000)):
        with pytest.raises(CarouselError, match=field):
            busy(**{field: high + 1})


# -- history --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("mode", MODES)
def test_history_is_the_stack_of_the_observations_of_the_session(mode, n):
    env = vector(lambda e: History(e, n), 9, mode)
    last = env.unwrapped.column_names[-1]
    assert env.column_names[-1] == (last if n == 1 else f"{last}_{n - 1}_ago")
    for rows, raw in zip(sessions(env, 50), sessions(vector(lanes=9, mode=mode), 50), strict=True):
        assert rows.shape == (len(raw), n * D)
        padded = np.concatenate([np.repeat(raw[:1], n - 1, axis=0), raw])
        for t, row in enumerate(rows):
            np.testing.assert_array_equal(row.reshape(n, D), padded[t : t + n][::-1])


# -- beliefs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_the_belief_is_that_of_a_filter_run_on_the_bare_observations(mode):
    env = vector(belief, 9, mode)
    known = Filter(busy())
    kinds = known.model.n_types
    moved = 0.0
    for rows, raw in zip(sessions(env, 50), sessions(vector(lanes=9, mode=mode), 50), strict=True):
        belief_now = known.start(1)
        for row, observation in zip(rows, raw, strict=True):
            np.testing.assert_array_equal(row[:D], observation)
            belief_now = known.update(belief_now, observation[None])
            bored, kind, joint = np.split(row[D:], [1, 1 + kinds])
            np.testing.assert_allclose(bored, belief_now.bored, rtol=1e-6)
            np.testing.assert_allclose(kind, belief_now.joint[0].sum(axis=1), rtol=1e-6)
            np.testing.assert_allclose(joint.reshape(kinds, 2), belief_now.joint[0], rtol=1e-6)
            moved = max(moved, bored[0])
    assert moved > 0.5


def test_the_belief_by_hand():
    population = plain(
        cues=(), boredom_hazard=0.25, engagement_fresh=0.75, engagement_bored=0.25, n_users=1
    )
    env = BeliefFeatures(CarouselEnv(population=population), ("bored", "kind"))
    assert env.column_names[-2:] == ("belief_bored", "belief_kind_0")
    obs, _ = env.reset(seed=0)
    np.testing.assert_array_equal(obs[-2:], [0.0, 1.0])
    bored = 0.0
    for _ in range(9):
        obs, *_ = env.step(0)
        engaged = obs[0] == 1.0
        fresh_says, bored_says = (0.75, 0.25) if engaged else (0.25, 0.75)
        bored = bored * bored_says / (bored * bored_says + (1 - bored) * fresh_says)
        bored += (1 - bored) * 0.25
        np.testing.assert_allclose(obs[-2:], [bored, 1.0], rtol=1e-6)
    assert env.step(1)[0][-2] == 0.25, "a swap lands on a fresh user"


def test_a_frozen_filter_believes_in_its_own_population():
    trained, shifted = busy(), busy(boredom_hazard=0.6)
    bare = CarouselVectorEnv(9, population=shifted)
    frozen = BeliefFeatures(CarouselVectorEnv(9, population=shifted), population=trained)
    own = BeliefFeatures(CarouselVectorEnv(9, population=shifted))
    known = Filter(trained)
    differ = 0.0
    each = zip(sessions(frozen, 40), sessions(own, 40), sessions(bare, 40), strict=True)
    for rows, informed, raw in each:
        belief_now = known.start(1)
        for row, observation in zip(rows, raw, strict=True):
            belief_now = known.update(belief_now, observation[None])
            np.testing.assert_allclose(row[D:], belief_now.bored, rtol=1e-6)
        differ = max(differ, np.abs(rows[:, D] - informed[:, D]).max())
    assert differ > 0.2


def test_replacing_leaves_out_what_the_posterior_has_digested():
    env, whole = vector(replaced, 5), vector(belief, 5)
    digested = {"reply_latency", "reply_length", "engagement"}
    kept = [i for i, name in enumerate(column_names(busy())) if name not in digested]
    assert env.column_names == (
        *(column_names(busy())[i] for i in kept),
        *("belief_kind_0", "belief_kind_1", "belief_kind_2", "belief_bored"),
    )
    assert Model.of(busy()).n_types > 3
    for a, b in zip(sessions(env, 40), sessions(whole, 40), strict=True):
        np.testing.assert_array_equal(a[:, :-4], b[:, kept])
        np.testing.assert_allclose(a[:, -4:-1].sum(axis=1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_a_belief_once_read_stays_as_it_was(mode):
    env = vector(belief, 9, mode)
    env.reset(seed=0)
    for actions in sticky_actions(0, 30, 9, 4):
        before = env.belief
        joint, satiation = before.joint.copy(), before.satiation.copy()
        _, _, terminated, truncated, _ = env.step(actions)
        np.testing.assert_array_equal(before.joint, joint)
        np.testing.assert_array_equal(before.satiation, satiation)
        over = terminated | truncated
        if mode == AutoresetMode.DISABLED and over.any():
            before, joint = env.belief, env.belief.joint.copy()
            env.reset(options={"reset_mask": over})
            np.testing.assert_array_equal(before.joint, joint)
            np.testing.assert_array_equal(env.belief.joint[~over], joint[~over])


# -- ownership and copies -------------------------------------------------------------------------


def play(env, seed, turns=30):
    """Everything that a fixed sequence of actions brings about, as one flat list of arrays."""
    lanes, mode = env.num_envs, env.metadata["autoreset_mode"]
    found = []
    for actions in sticky_actions(seed, turns, lanes, 4):
        obs, reward, terminated, truncated, info = env.step(actions)
        found += [obs.copy(), reward.copy(), info["user"].copy()]
        over = terminated | truncated
        if "final_obs" in info:
            found.append(info["final_obs"][over])
        if mode == AutoresetMode.DISABLED and over.any():
            found.append(env.reset(options={"reset_mask": over})[0].copy())
    return found


@pytest.mark.sampled(3)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", WRAPPERS)
def test_a_copy_of_a_running_environment_goes_on_alike_and_alone(name, mode, duplicate):
    env = vector(WRAPPERS[name], 6, mode)
    env.reset(seed=2)
    play(env, 0, 15)
    other = duplicate(env)
    expected = play(env, 1)
    for a, b in zip(play(other, 1), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    one = scalar(WRAPPERS[name], leave_fresh=0.0, leave_bored=0.0)
    one.reset(seed=1)
    one.step(1)
    two = duplicate(one)
    for action in (0, 0, 2, 3):
        np.testing.assert_array_equal(one.step(action)[0], two.step(action)[0])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", WRAPPERS)
def test_what_a_wrapper_returns_is_the_callers(name, mode):
    env, twin = (vector(WRAPPERS[name], 6, mode) for _ in range(2))
    kept = [e.reset(seed=0)[0] for e in (env, twin)]
    for actions in sticky_actions(0, 30, 6, 4):
        before = kept[0].copy()
        step, expected = env.step(actions), twin.step(actions)
        np.testing.assert_array_equal(kept[0], before, err_msg="a later step changed it")
        np.testing.assert_array_equal(step[0], expected[0], err_msg="writing changed the env")
        kept = [step[0].copy(), expected[0]]
        step[0][...] = 9.0
        over = step[2] | step[3]
        if "final_obs" in step[-1]:
            same = step[-1]["final_obs"][over]
            np.testing.assert_array_equal(same, expected[-1]["final_obs"][over])
            step[-1]["final_obs"][...] = 9.0
        if mode == AutoresetMode.DISABLED and over.any():
            for e in (env, twin):
                e.reset(options={"reset_mask": over})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", WRAPPERS)
def test_in_place_a_wrapped_environment_shows_the_same(name, mode):
    env, twin = (vector(WRAPPERS[name], 6, mode, copied=copied) for copied in (False, True))
    first = env.reset(seed=0)[0]
    twin.reset(seed=0)
    for a, b in zip(play(env, 0), play(twin, 0), strict=True):
        np.testing.assert_array_equal(a, b)
    assert env.reset()[0] is first


# -- Gymnasium ------------------------------------------------------------------------------------

PRESET_WRAPPERS = {
    "block": lambda env: ContentFilter(env, blocked={"alice"}, replacement="coach"),
    "context": VisibleContext,
    "history": lambda env: History(env, 4),
    "belief": lambda env: BeliefFeatures(env, ("bored", "kind")),
    "frozen": lambda env: BeliefFeatures(env, "joint", population="Boredom", replace=True),
    "stack": lambda env: History(VisibleContext(BeliefFeatures(env), "fit"), n=2),
}


@pytest.mark.parametrize("made", [gym.make, lambda id_: gym.make(id_).unwrapped])
@pytest.mark.parametrize("name", PRESET_WRAPPERS)
def test_gymnasiums_checker_has_nothing_to_say(name, made):
    env = PRESET_WRAPPERS[name](made("Carousel/Boredom-v0"))
    with warnings.catch_warnings():
        # that there is a wrapper is the point
        warnings.filterwarnings("ignore", message=".*is different from the unwrapped version")
        check_env(env)


@pytest.mark.parametrize("name", PRESET_WRAPPERS)
def test_a_wrapped_environment_can_be_made_again_from_its_spec(name):
    env = PRESET_WRAPPERS[name](gym.make("Carousel/Boredom-v0"))
    again = gym.make(type(env.spec).from_json(env.spec.to_json()))
    assert type(again) is type(env)
    assert again.column_names == env.column_names
    assert again.observation_space == env.observation_space
    np.testing.assert_array_equal(env.reset(seed=1)[0], again.reset(seed=1)[0])
    for action in (0, 1, 2, 0):
        np.testing.assert_array_equal(env.step(action)[0], again.step(action)[0])


@pytest.mark.parametrize("name", PRESET_WRAPPERS)
def test_what_make_vec_makes_can_be_wrapped(name):
    env = PRESET_WRAPPERS[name](gym.make_vec("Carousel/Boredom-v0", num_envs=4))
    one = PRESET_WRAPPERS[name](gym.make("Carousel/Boredom-v0"))
    np.testing.assert_array_equal(env.reset(seed=3)[0][0], one.reset(seed=3)[0])
    env.action_space.seed(0)
    for _ in range(60):
        assert env.step(env.action_space.sample())[0] in env.observation_space
    env.close()
    assert env.closed


# -- bad input ------------------------------------------------------------------------------------

BAD = {
    "unknown persona": (lambda e: ContentFilter(e, "joker", "bob"), ("'joker'", "alice, bob")),
    "index too large": (lambda e: ContentFilter(e, 4, "bob"), ("blocked is 4", "0 to 3")),
    "truth value": (lambda e: ContentFilter(e, True, "bob"), ("blocked is True", "0 to 3")),
    "no index": (lambda e: ContentFilter(e, [1.5], "bob"), ("blocked is 1.5", "0 to 3")),
    "nobody": (lambda e: ContentFilter(e, None, "bob"), ("blocked is None", "0 to 3")),
    "no replacement": (lambda e: ContentFilter(e, "bob"), ("replacement is None", "'bob'")),
    "unknown replacement": (lambda e: ContentFilter(e, "bob", "jo"), ("replacement names 'jo'",)),
    "blocked replacement": (lambda e: ContentFilter(e, [1, 2], "bob"), ("'bob'", "is blocked")),
    "no filter": (ContentFilter, ("blocked is empty", "no rule")),
    "no rule": (lambda e: ContentFilter(e, rule=3), ("rule is 3", "function")),
    "no history": (lambda e: History(e, 0), ("n is 0", "1 to 10000")),
    "half a turn": (lambda e: History(e, 1.5), ("n is 1.5", "1 to 10000")),
    "history of history": (lambda e: History(History(e, 2), 2), ("'reply_latency_1_ago'", "twice")),
    "unknown field": (lambda e: VisibleContext(e, "mood"), ("'mood'", "fit", "swap_cost")),
    "no field": (lambda e: VisibleContext(e, ()), ("show is empty", "fit")),
    "no fields": (lambda e: VisibleContext(e, 3), ("show is 3", "fit")),
    "field and column": (lambda e: VisibleContext(e, ("fit", "fit_bob")), ("'fit_bob'", "twice")),
    "repeated field": (lambda e: VisibleContext(e, ("fit", "fit")), ("no name may repeat",)),
    "context of context": (lambda e: VisibleContext(VisibleContext(e)), ("'fit_alice'", "twice")),
    "unknown feature": (lambda e: BeliefFeatures(e, "sad"), ("'sad'", "bored, kind, joint")),
    "no kinds": (lambda e: BeliefFeatures(e, kinds=0), ("kinds is 0",)),
    "too many kinds": (
        lambda e: BeliefFeatures(e, "kind", population=busy(n_users=300)),
        ("300 kinds", "at most 256", "kinds="),
    ),
    "other cues": (
        lambda e: BeliefFeatures(e, population=busy(cues=CUES[::-1])),
        ("(2, 3)", "(3, 2)"),
    ),
    "other personas": (lambda e: BeliefFeatures(e, population="Taste"), ("6 personas", "4 and")),
    "unknown population": (lambda e: BeliefFeatures(e, population="boreddom"), ("'boreddom'",)),
    "columns gone": (
        lambda e: BeliefFeatures(BeliefFeatures(e, replace=True)),
        (f"first {D} columns",),
    ),
}


@pytest.mark.parametrize("form", [scalar, lambda make: vector(make, 3)], ids=["scalar", "vector"])
@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_named(case, form):
    make, fragments = BAD[case]
    with pytest.raises(CarouselError) as caught:
        form(make)
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrapper", [block, VisibleContext, belief, history])
def test_only_environments_of_ours_are_wrapped(wrapper):
    others = (
        gym.make("CartPole-v1"),
        gym.make_vec("CartPole-v1", num_envs=2),
        SyncVectorEnv([CarouselEnv, CarouselEnv]),
        Population.preset("Boredom"),
        None,
    )
    for env in others:
        with pytest.raises(CarouselError, match="must be a Carousel environment"):
            wrapper(env)
    half = gym.wrappers.TransformObservation(
        scalar(), lambda obs: obs[:3], gym.spaces.Box(0, 1, (3,))
    )
    with pytest.raises(CarouselError, match=rf"shape \(3,\); it must be \({D},\)"):
        wrapper(half)
    scaled = gym.wrappers.TransformObservation(
        scalar(), lambda obs: obs / 2, gym.spaces.Box(-1, 20, (D,))
    )
    with pytest.raises(CarouselError, match="columns must be the environment's own"):
        belief(scaled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert History(scaled, 2).reset(seed=0)[0].shape == (2 * D,)


class Counting(ContentFilter):
    """A subclass that does not know of forms."""

    turns = 0

    def step(self, actions):
        self.turns += 1
        return super().step(actions)


class CountingMore(Counting):
    """A subclass of a subclass."""


class Pair(History):
    """A subclass of an observer, with arguments of its own."""

    def __init__(self, env, n=2):
        super().__init__(env, n)


@pytest.mark.parametrize("kind", [Counting, CountingMore, Pair])
@pytest.mark.parametrize("lanes", [0, 3])
def test_a_subclass_of_a_wrapper_has_both_forms(kind, lanes):
    picks = [0] * lanes if lanes else 0
    given = {} if kind is Pair else {"blocked": "alice", "replacement": "bob"}

    def make(wrapper, **arguments):
        env = CarouselVectorEnv(lanes, population=busy()) if lanes else CarouselEnv()
        return wrapper(env, **arguments)

    env = make(kind, **given)
    twin = make(History, n=2) if kind is Pair else make(ContentFilter, **given)
    assert isinstance(env, kind)
    assert isinstance(env, type(twin))
    assert type(make(kind, **given)) is type(env)
    for one in (env, copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert type(one) is type(env)
        np.testing.assert_array_equal(one.reset(seed=3)[0], twin.reset(seed=3)[0])
        np.testing.assert_array_equal(one.step(picks)[0], twin.step(picks)[0])
        assert getattr(one, "turns", 1) == 1


def test_what_the_wrappers_share_wraps_nothing():
    class Bare(LaneWrapper):
        pass

    for kind in (LaneWrapper, Bare):
        with pytest.raises(CarouselError, match=rf"{kind.__name__} is no wrapper .* ContentFilter"):
            kind(CarouselEnv())


def test_a_history_beyond_all_memory_is_refused():
    with pytest.raises(CarouselError, match=r"n is 10000; 65536 lanes of .* 134217728 numbers"):
        History(CarouselVectorEnv(2**16), 10_000)


@pytest.mark.parametrize("replace", ["no", None, 1, np.array([1, 2])])
def test_whether_to_replace_is_a_truth_value(replace):
    with pytest.raises(CarouselError, match=r"replace is .*; it must be True or False"):
        BeliefFeatures(CarouselEnv(), replace=replace)


def test_arguments_in_each_others_place_are_recognised():
    for env in (gym.make("Carousel/Boredom-v0"), gym.make_vec("Carousel/Boredom-v0", 2)):
        with pytest.raises(CarouselError, match=r"each other's place: History\(env, n\)"):
            History(4, env)


def test_what_a_persona_costs_can_be_shown():
    population = Population.preset("Boredom").replace(persona_cost=(0.1, 0.2, 0.0, 0.3))
    env = VisibleContext(CarouselEnv(population=population), show=("persona_cost", "swap_cost"))
    shown = env.reset(seed=0)[0]
    np.testing.assert_allclose(shown[-5:], [0.1, 0.2, 0.0, 0.3, 0.8], rtol=1e-6)
    one = VisibleContext(CarouselEnv(population=population), show="persona_cost_bob")
    assert one.reset(seed=0)[0][-1] == np.float32(0.2)
