"""The checker of vector environments passes correct ones and finds every planted fault."""

from __future__ import annotations

import itertools
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper

from carousel_envs import (
    CarouselEnv,
    CarouselError,
    CarouselVectorEnv,
    Population,
    environment_ids,
)
from carousel_envs.checking import CHECKS, Finding, Report, check_vector_env
from support.faulty import DISABLED, FAULTS, NEXT, SAME, Walk, WalkVector
from support.matrix import most_later

MODES = list(AutoresetMode)
SKIPPED_BY_MODE = {
    NEXT: {"final_values", "partial_reset", "final_action_masks", "reset_mask"},
    SAME: {"reset_row", "partial_reset", "reset_mask"},
    DISABLED: {"reset_row", "final_values", "final_action_masks"},
}


def walk(cls, mode, num_envs=4):
    """A walk with a spec, from which the checker can make more of them."""
    spec = EnvSpec(id="Walk-v0", entry_point=Walk, vector_entry_point=cls)
    return gym.make_vec(spec, num_envs=num_envs, autoreset_mode=mode)


def outcomes(report):
    return {finding.check: finding.outcome for finding in report.findings}


def expected(mode, **others):
    """Everything passes but what the mode rules out and `others`."""
    skipped = dict.fromkeys(SKIPPED_BY_MODE[mode], "skipped")
    return dict.fromkeys(CHECKS, "passed") | skipped | others


def only(*checks):
    return CHECKS.keys() - set(checks)


# -- what is in order -------------------------------------------------------------------------


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("id_", "mode"),
    most_later(
        itertools.product(environment_ids(), MODES),
        lambda id_, mode: mode == AutoresetMode.NEXT_STEP or "Taste" in id_,
    ),
)
def test_our_environments_pass_every_check(id_, mode):
    report = check_vector_env(gym.make_vec(id_, num_envs=3, autoreset_mode=mode), steps=90)
    assert outcomes(report) == expected(mode), str(report)
    assert report.passed
    report.raise_if_failed()


def test_who_leaves_in_the_last_turn_left_whatever_a_time_limit_says():
    leaving = Population.preset("Boredom").replace(
        leave_fresh=0.2, leave_bored=0.3, session_length=4
    )
    env = gym.make_vec("Carousel/Boredom-v0", num_envs=4, population=leaving)
    report = check_vector_env(env, steps=200)
    assert not [one for one in report.findings if one.outcome == "failed"], str(report)


@pytest.mark.parametrize("lanes", [1, 20])
def test_any_number_of_lanes_can_be_checked(lanes):
    report = check_vector_env(walk(WalkVector, SAME, lanes), steps=30)
    alone = ("different_lanes", "lane_independence") if lanes == 1 else ()
    assert outcomes(report) == expected(SAME, **dict.fromkeys(alone, "skipped")), str(report)


def test_an_environment_that_says_it_returns_its_own_arrays_is_believed():
    report = check_vector_env(
        lambda: CarouselVectorEnv(3, copy=False), scalar=CarouselEnv, steps=90
    )
    own = {"returned_arrays_kept": "noted", "returned_arrays_written": "noted"}
    assert outcomes(report) == expected(NEXT, batch_size="skipped", **own), str(report)


@pytest.mark.parametrize("mode", MODES)
def test_the_walk_is_in_order_before_a_fault_is_planted(mode):
    report = check_vector_env(walk(WalkVector, mode), seed=1, steps=60)
    assert outcomes(report) == expected(mode), str(report)


# -- what is not ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "mode", "faulty"), FAULTS, ids=[f"{i}-{f[0]}" for i, f in enumerate(FAULTS)]
)
def test_a_planted_fault_is_noticed(check, mode, faulty):
    # Gymnasium itself warns of this one when it makes the environment
    source = faulty if check == "metadata" else walk(faulty, mode)
    report = check_vector_env(source, scalar=Walk, seed=1, steps=60, ignore=only(check))
    assert [finding.check for finding in report.failures] == [check], str(report)
    with pytest.raises(CarouselError, match=f"\n{check}: "):
        report.raise_if_failed()


def test_every_check_has_a_planted_fault():
    assert {check for check, _, _ in FAULTS} == CHECKS.keys()


def test_what_an_environment_raises_is_a_finding():
    class Breaks(WalkVector):
        def turn(self, i, action):
            if self.lanes[i].turn == 5:
                raise KeyError("the sixth turn")
            return super().turn(i, action)

    report = check_vector_env(lambda: Breaks(3, NEXT), steps=30)
    assert tuple(outcomes(report)) == tuple(CHECKS)
    broken = next(finding for finding in report.failures if finding.check == "observations")
    assert broken.message == "raised KeyError: 'the sixth turn'"


# -- Gymnasium's own --------------------------------------------------------------------------

NO_MASKS = dict.fromkeys(("action_masks", "action_masks_method", "final_action_masks"), "skipped")


def test_gymnasiums_native_cartpole_draws_all_lanes_from_one_generator():
    env = gym.make_vec("CartPole-v1", num_envs=4, vectorization_mode="vector_entry_point")
    report = check_vector_env(env)
    assert outcomes(report) == expected(
        NEXT,
        lane_independence="failed",
        batch_size="failed",
        scalar_lanes="failed",
        scalar_infos="skipped",
        episode_lengths="skipped",  # chance never reaches the limit of 500 turns
        closing="noted",
        **NO_MASKS,
    ), str(report)


def test_gymnasiums_native_cartpole_counts_turns_as_the_scalar_environment():
    env = gym.make_vec(
        "CartPole-v1",
        num_envs=4,
        vectorization_mode="vector_entry_point",
        max_episode_steps=8,
    )
    report = check_vector_env(env, ignore=only("episode_lengths", "reset_row"))
    assert outcomes(report)["episode_lengths"] == "passed"
    assert outcomes(report)["reset_row"] == "passed"


@pytest.mark.parametrize("mode", MODES)
def test_gymnasiums_vector_of_scalars(mode):
    env = gym.make_vec(
        "CartPole-v1",
        num_envs=4,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": mode},
    )
    report = check_vector_env(env, steps=80)
    release = tuple(map(int, gym.__version__.split(".")[:2]))
    assert outcomes(report) == expected(
        mode,
        deep_copy="noted" if release < (1, 4) else "passed",  # it kept a generator until then
        pickling="noted",  # what make_vec hands it cannot be pickled
        actions_out_of_range="noted",  # the lanes before the wrong one have been played
        options_kept="failed" if mode == DISABLED else "passed",  # takes out the reset_mask
        **NO_MASKS,
    ), str(report)


class KeepsItsFlags(SyncVectorEnv):
    """As Gymnasium 1.0 was: a reset does not tell the lanes that waited for theirs."""

    def reset(self, *, seed=None, options=None):
        kept = self._autoreset_envs.copy()
        shown = super().reset(seed=seed, options=options)
        self._autoreset_envs[:] = kept
        return shown


def test_a_reset_that_keeps_its_autoreset_flags_is_noticed():
    report = check_vector_env(lambda: KeepsItsFlags([Walk] * 4), scalar=Walk, steps=60)
    assert {f.check for f in report.failures} >= {"reset_after_end"}, str(report)


# -- other spaces, and environments without luck or end ---------------------------------------

OBSERVATIONS = {
    "Discrete": spaces.Discrete(50),
    "Dict": spaces.Dict({"a": spaces.Discrete(9), "b": spaces.Box(0, 1, (2, 2), np.float64)}),
    "Tuple": spaces.Tuple((spaces.MultiBinary(5), spaces.MultiDiscrete([3, 4], start=[1, 0]))),
}
ACTIONS = {
    "Discrete": spaces.Discrete(4, start=-2),
    "MultiDiscrete": spaces.MultiDiscrete([3, 2]),
    "MultiBinary": spaces.MultiBinary(3),
    "Box": spaces.Box(-1, 1, (2,), np.float32),
    "Dict": spaces.Dict({"x": spaces.Discrete(3)}),
}


class Scenes(gym.Env):
    """Shows random elements of its space, six times."""

    def __init__(self, observation, action):
        self.observation_space, self.action_space = OBSERVATIONS[observation], ACTIONS[action]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.turn = 0
        return self.scene(), {}

    def scene(self):
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        return self.observation_space.sample()

    def step(self, action):
        if not self.action_space.contains(action):
            raise ValueError("no action")
        self.turn += 1
        return self.scene(), 0.5, False, self.turn == 6, {}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("observation", "action", "mode"),
    most_later(
        (
            (*spaces, mode)
            for spaces in (*((o, "Box") for o in OBSERVATIONS), *(("Dict", a) for a in ACTIONS))
            for mode in MODES
        ),
        lambda _, action, mode: mode == DISABLED or action == "Box0",
    ),
)
def test_other_spaces_can_be_checked(observation, action, mode):
    def scalar():
        return Scenes(observation, action)

    report = check_vector_env(
        lambda: SyncVectorEnv([scalar] * 3, autoreset_mode=mode), scalar=scalar, steps=20
    )
    failures = {"options_kept", "step_before_reset"} if mode == DISABLED else {"step_before_reset"}
    assert {finding.check for finding in report.failures} <= failures, str(report)
    assert outcomes(report)["scalar_lanes"] == "passed"


class Still(gym.Env):
    """Nothing ever happens, and it never ends."""

    observation_space = spaces.Box(0, 1, (1,), dtype=np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, dtype=np.float32), {}

    def step(self, action):
        return np.zeros(1, dtype=np.float32), 0.0, False, False, {}


def test_without_luck_or_end_nothing_is_held_against_an_environment():
    report = check_vector_env(lambda: SyncVectorEnv([Still] * 3), scalar=Still, steps=20)
    found = outcomes(report)
    assert {found[name] for name in ("different_seeds", "different_lanes", "unseeded_reset")} == {
        "noted"
    }
    assert {found[name] for name in ("autoreset", "reset_row", "episode_lengths")} == {"skipped"}


class Rare(Still):
    """One episode in five shows something else than the others."""

    def reset(self, *, seed=None, options=None):
        _, info = super().reset(seed=seed)
        self.shown = np.full(1, self.np_random.random() < 0.2, dtype=np.float32)
        return self.shown, info

    def step(self, action):
        if not self.action_space.contains(action):
            raise ValueError(f"{action} is no action")
        return self.shown, 0.0, True, False, {}


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_what_is_rarely_random_is_not_taken_for_one_seed(seed):
    report = check_vector_env(lambda: SyncVectorEnv([Rare] * 2), scalar=Rare, steps=2, seed=seed)
    report.raise_if_failed()


# -- how it is called -------------------------------------------------------------------------


def test_a_wrapped_environment_is_copied_and_never_played():
    class Half(VectorWrapper):
        def step(self, actions):
            observations, rewards, *rest = super().step(actions)
            return observations, rewards / 2, *rest

    env = Half(walk(WalkVector, NEXT))
    report = check_vector_env(env, scalar=Walk, steps=40)
    assert [finding.check for finding in report.failures] == ["scalar_lanes"], str(report)
    assert "reward is" in report.failures[0].message
    assert not env.unwrapped.started
    without = outcomes(check_vector_env(env, steps=40))
    assert without["scalar_lanes"] == without["batch_size"] == "skipped"


def test_the_scalar_environment_can_be_given_in_three_ways():
    for scalar in (None, Walk, Walk()):
        report = check_vector_env(walk(WalkVector, NEXT), scalar=scalar, steps=40)
        assert outcomes(report)["scalar_lanes"] == "passed"


def test_wrong_arguments_are_refused():
    env = walk(WalkVector, NEXT)
    for arguments, words in [
        ({"ignore": ("spelling",)}, "ignore names 'spelling'; the checks are metadata, "),
        ({"steps": 1}, "steps is 1; it must be a whole number from 2 to 100000"),
        ({"seed": -1}, "seed is -1; it must be a whole number from 0 to "),
    ]:
        with pytest.raises(CarouselError, match=words):
            check_vector_env(env, **arguments)
    for source in (3, Walk):
        with pytest.raises(CarouselError, match="it must be a Gymnasium vector environment"):
            check_vector_env(source)


def test_a_function_that_makes_one_environment_only_is_found_out():
    env = WalkVector()
    report = check_vector_env(lambda: env, steps=10, ignore=only("observations"))
    assert report.failures[0].message == (
        "raised CarouselError: the function returned the same environment twice"
    )


def test_the_same_arguments_give_the_same_report():
    one, other = (check_vector_env(walk(WalkVector, SAME), steps=30, seed=3) for _ in range(2))
    assert one == other


def test_a_report_reads_as_a_list():
    report = Report("Env()", (Finding("flags", "passed", "fine"), Finding("infos", "failed", "no")))
    assert str(report).splitlines() == [
        "Env(): 1 passed, 1 failed, 0 skipped, 0 noted",
        "passed  flags                   fine",
        "failed  infos                   no",
    ]
    assert not report.passed
    with pytest.raises(CarouselError, match=r"^Env\(\) fails:\ninfos: no$"):
        report.raise_if_failed()


def test_the_documentation_says_what_every_check_asks_for():
    page = (Path(__file__).parents[3] / "docs" / "checking.md").read_text(encoding="utf-8")
    rows = [f"| `{check}` | {what.rstrip('.')} |" for check, what in CHECKS.items()]
    assert "\n".join(rows) in page


@pytest.mark.parametrize("ignore", [iter(["metadata"]), 5, None, True, [["a"]], "metadata", [5]])
def test_what_holds_no_names_of_checks_cannot_be_ignored(ignore):
    with pytest.raises(CarouselError, match=r"^ignore (is|names) ") as caught:
        check_vector_env(lambda: walk(WalkVector, NEXT), ignore=ignore)
    assert "\n" not in str(caught.value)


def fails():
    raise OSError("no\nroom")


@pytest.mark.parametrize(
    "scalar", [5, "x", True, fails, lambda: None, lambda: walk(WalkVector, NEXT)]
)
def test_a_scalar_that_is_none_is_no_fault_of_the_environment(scalar):
    with pytest.raises(CarouselError, match=r"^scalar (is|cannot be made)") as caught:
        check_vector_env(lambda: walk(WalkVector, NEXT), scalar=scalar)
    assert "\n" not in str(caught.value)
    with pytest.raises(CarouselError, match=r"^scalar is a WalkVector"):
        check_vector_env(lambda: walk(WalkVector, NEXT), scalar=walk(WalkVector, NEXT))


def test_a_function_that_makes_nothing_is_named():
    with pytest.raises(CarouselError, match=r"^env cannot be made: .* raised OSError: no room$"):
        check_vector_env(fails)


class Bare(VectorEnv):
    """Says nothing about itself."""

    metadata = None


def test_an_environment_that_says_nothing_about_itself_is_found_out():
    report = check_vector_env(Bare)
    assert report.environment == "Bare"
    found = outcomes(report)
    assert found["metadata"] == found["batched_spaces"] == "failed"
    messages = {finding.check: finding.message for finding in report.findings}
    assert "must be an AutoresetMode" in messages["metadata"]
    assert "num_envs is None" in messages["batched_spaces"]
