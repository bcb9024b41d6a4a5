"""A small vector environment that is in order, and many that are like it but for one fault.

Every class of `FAULTS` is the walk with one thing wrong, named after the check that has to notice.
"""

from __future__ import annotations

import copy
import itertools

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

NEXT, SAME, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED
LIMIT = 12
_COUNTER = itertools.count(10**6)


class Walk(gym.Env):
    """A drunk walks along a line until falling off its ends, or for 12 turns."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-4, 4, (2,), dtype=np.float32)
        self.action_space = spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position, self.turn = self.np_random.uniform(-1.5, 1.5), 0
        self.push = 0.0
        return self.observation(), self.info()

    def step(self, action):
        self.push = self.np_random.uniform(-0.5, 0.5)
        self.position += 0.4 * (int(action) - 1) + self.push
        self.turn += 1
        fallen = abs(self.position) > 2
        ended = bool(fallen), self.turn >= LIMIT and not fallen
        return self.observation(), 1.0 - abs(self.push), *ended, self.info()

    def observation(self):
        return np.array([self.position, self.push], dtype=np.float32)

    def info(self):
        mask = np.array([self.position > -1, 1, self.position < 1], dtype=np.int8)
        return {"action_mask": mask, "turn": self.turn}


class WalkVector(VectorEnv):
    """Many walks, in all three modes; faulty ones override a method."""

    def __init__(self, num_envs=4, autoreset_mode=NEXT):
        self.num_envs = num_envs
        self.mode = autoreset_mode
        self.metadata = {"autoreset_mode": autoreset_mode}
        self.lanes = [Walk() for _ in range(num_envs)]
        self.single_observation_space = self.lanes[0].observation_space
        self.single_action_space = self.lanes[0].action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.over = np.ones(num_envs, dtype=np.bool_)
        self.started = False

    def seeds(self, seed):
        return [None if seed is None else seed + i for i in range(self.num_envs)]

    def marked(self, options):
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, dtype=np.bool_))
        if mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise ValueError("reset_mask must be bool of shape (N,)")
        return mask

    def reset(self, *, seed=None, options=None):
        marked = self.marked(options)
        info = {}
        for i, one in enumerate(self.seeds(seed)):
            if marked[i]:
                self.start(i, one)
                info = self._add_info(info, self.lanes[i].info(), i)
        self.over = self.over & ~marked
        self.started = True
        return self.observations(), info

    def start(self, i, seed=None):
        return self.lanes[i].reset(seed=seed)[1]

    def observations(self):
        return np.stack([lane.observation() for lane in self.lanes])

    def refuse(self, actions):
        if not self.started:
            raise ResetNeeded("call reset first")
        if self.mode == DISABLED and self.over.any():
            raise ResetNeeded("a lane is over")
        if not self.action_space.contains(np.asarray(actions)):
            raise ValueError("no actions")

    def step(self, actions):
        self.refuse(actions)
        n = self.num_envs
        reward, ended, info = np.zeros(n), np.zeros((2, n), dtype=np.bool_), {}
        for i in range(n):
            if self.mode == NEXT and self.over[i]:
                one = self.reset_row(i, actions[i])
            else:
                _, reward[i], ended[0, i], ended[1, i], one = self.turn(i, actions[i])
                if self.mode == SAME and ended[:, i].any():
                    final = {"final_obs": self.lanes[i].observation(), "final_info": one}
                    info = self._add_info(info, final, i)
                    one = self.start(i)
            info = self._add_info(info, one, i)
        self.over = ended.any(axis=0)
        return self.observations(), reward, ended[0], ended[1], info

    def turn(self, i, action):
        return self.lanes[i].step(action)

    def reset_row(self, i, action):
        return self.start(i)

    def action_masks(self):
        return np.stack([lane.info()["action_mask"] for lane in self.lanes]) != 0


class AfterStep(WalkVector):
    """A walk of which `change` alters what a step returns."""

    def step(self, actions):
        before = self.over
        step = list(super().step(actions))
        self.change(step, before)
        return tuple(step)


def changing(change, base=AfterStep):
    """A class whose steps are altered by `change(env, step, lanes that were over before)`."""
    return type("Changed", (base,), {"change": change})


def setting(place, function):
    """A class whose steps return `function` of what stands at `place`."""

    def change(env, step, before):
        step[place] = function(step[place])

    return changing(change)


def info_with(function):
    """A class whose infos go through `function`, which changes them in place."""

    def change(env, step, before):
        function(step[4])

    return changing(change)


def with_method(base=WalkVector, **methods):
    return type("Changed", (base,), methods)


def _named_mode(self, *args, **kwargs):
    WalkVector.__init__(self, *args, **kwargs)
    self.metadata = {"autoreset_mode": self.mode.value}


def _other_single_space(self, *args, **kwargs):
    WalkVector.__init__(self, *args, **kwargs)
    self.single_observation_space = spaces.Box(-4, 4, (2,), dtype=np.float64)


def _wider_space(self, *args, **kwargs):
    WalkVector.__init__(self, *args, **kwargs)
    self.single_observation_space = spaces.Box(-5, 5, (2,), dtype=np.float32)
    self.observation_space = batch_space(self.single_observation_space, self.num_envs)


def _final_out_of_bounds(info):
    for final in info.get("final_obs", ()):
        if final is not None:
            final[0] = 9


def _as_list(info):
    info["turn"] = info["turn"].tolist()


def _without(*keys):
    def change(info):
        for key in keys:
            info.pop(key, None)

    return change


def _final_mask_everywhere(info):
    if "_final_obs" in info:
        info["_final_obs"][:] = True


def _final_info_without_mask(info):
    if "final_info" in info:
        del info["final_info"]["action_mask"]


def _later_turn(info):
    info["turn"] = info["turn"] + 1


def _no_action(info):
    info["action_mask"][0] = 0


def _wide_mask(info):
    info["action_mask"] = info["action_mask"].astype(np.int64)


def _reward_in_reset_row(env, step, before):
    step[1][before] = 1.0


def _end_in_reset_row(env, step, before):
    step[3][before] = True


def _start_from_the_counter(self, i, seed=None):
    return self.lanes[i].reset(seed=next(_COUNTER))[1]


def _unseeded_from_the_counter(self, seed):
    return WalkVector.seeds(self, next(_COUNTER) if seed is None else seed)


def _seeded_again(self, seed):
    self.kept = seed if seed is not None else self.kept
    return WalkVector.seeds(self, self.kept)


class SharedGenerator(WalkVector):
    """All lanes draw from one generator."""

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.shared = seeding.np_random(seed)[0]
        return super().reset(options=options)

    def start(self, i, seed=None):
        self.lanes[i].np_random = self.shared
        # as many draws in a start as in a turn would leave the other lanes theirs
        self.shared.random()
        return super().start(i)


def _count_the_reset(self, i, action):
    info = self.start(i)
    self.lanes[i].turn = 1
    return info


def _play_in_reset_row(self, i, action):
    self.start(i)
    return self.lanes[i].step(action)[-1]


class Lying(WalkVector):
    """Declares one mode and does another."""

    does = NEXT

    def __init__(self, num_envs=4, autoreset_mode=NEXT):
        super().__init__(num_envs, autoreset_mode)
        self.mode = self.does


class OldObservation(WalkVector):
    """In same-step mode, returns the last observation of the episode that ended."""

    def step(self, actions):
        observations, *rest, info = super().step(actions)
        for i in np.flatnonzero(info.get("_final_obs", ())):
            observations[i] = info["final_obs"][i]
        return observations, *rest, info


class ResetsAll(WalkVector):
    """Forgets which lanes to reset."""

    def marked(self, options):
        return np.ones(self.num_envs, dtype=np.bool_)


class ResetsNothing(WalkVector):
    """A partial reset only says that it was one."""

    def start(self, i, seed=None):
        return super().start(i, seed) if seed is not None else self.lanes[i].info()


class SwallowsATurn(WalkVector):
    """A reset forgets that lanes were over; in their next turn they only begin once more."""

    def late(self, seed, options):
        """Whether this is a reset that forgets."""
        return True

    def reset(self, *, seed=None, options=None):
        forgets = self.started and self.late(seed, options)
        kept = self.over & self.marked(options) if forgets else self.over & False
        shown = super().reset(seed=seed, options=options)
        self.kept = kept
        return shown

    def turn(self, i, action):
        if not self.kept[i]:
            return super().turn(i, action)
        self.kept[i] = False
        info = self.start(i)
        return self.lanes[i].observation(), 0.0, False, False, info


def swallowing(late):
    """A class that swallows a turn after resets with such seeds and options."""
    return with_method(SwallowsATurn, late=lambda self, seed, options: late(seed, options))


class OwnBuffer(WalkVector):
    """Returns the array into which the next step writes."""

    def observations(self):
        self.buffer = getattr(self, "buffer", np.zeros((self.num_envs, 2), dtype=np.float32))
        self.buffer[:] = super().observations()
        return self.buffer


class TwoBuffers(WalkVector):
    """Returns two arrays in turn, into which later steps write."""

    def observations(self):
        if not hasattr(self, "buffers"):
            self.buffers = [np.zeros((self.num_envs, 2), dtype=np.float32) for _ in range(2)]
        self.buffers.reverse()
        self.buffers[0][:] = super().observations()
        return self.buffers[0]


class ReadsBack(WalkVector):
    """Takes the positions from the array that it returned."""

    def observations(self):
        self.returned = super().observations()
        return self.returned

    def step(self, actions):
        if self.started:
            for lane, row in zip(self.lanes, self.returned, strict=True):
                lane.position = float(row[0])
        return super().step(actions)


class WritesActions(WalkVector):
    """Clears the actions it was given."""

    def step(self, actions):
        step = super().step(actions)
        actions[...] = 0
        return step


class ForgetsItsGenerators(WalkVector):
    """Pickled without the state of its generators."""

    def __getstate__(self):
        state = {**self.__dict__, "lanes": copy.deepcopy(self.lanes)}
        for lane in state["lanes"]:
            lane.np_random = seeding.np_random(0)[0]
        return state


class OptionsDraw(WalkVector):
    """Any options at all, even none in a dict, change what is drawn."""

    def seeds(self, seed):
        return [None if s is None else s + self.shift for s in super().seeds(seed)]

    def reset(self, *, seed=None, options=None):
        self.shift = 0 if options is None else 50
        return super().reset(seed=seed, options=options)


class UnknownOptionsDraw(OptionsDraw):
    """Options of any name change what is drawn."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed, options=options or None)


class UnknownOptionsLinger(WalkVector):
    """Refuses unknown options, and yet remembers them."""

    lingering = 0

    def seeds(self, seed):
        return [None if s is None else s + self.lingering for s in super().seeds(seed)]

    def reset(self, *, seed=None, options=None):
        if options:
            self.lingering = 50
            raise ValueError("unknown option")
        return super().reset(seed=seed)


class PopsTheMask(WalkVector):
    """Takes the mask out of the caller's options."""

    def marked(self, options):
        return super().marked({"reset_mask": options.pop("reset_mask")} if options else None)


class AnyMask(WalkVector):
    """Makes a mask out of whatever it is given."""

    def marked(self, options):
        if not options:
            return super().marked(options)
        mask = np.asarray(options["reset_mask"]).astype(np.bool_)[: self.num_envs]
        return super().marked({"reset_mask": mask})


class StartsByItself(WalkVector):
    """Needs no reset before the first step."""

    def step(self, actions):
        if not self.started:
            self.reset()
        return super().step(actions)


class Clips(WalkVector):
    """Plays actions that are none."""

    def step(self, actions):
        return super().step(np.clip(actions, 0, 2))


def _close_once(self, **kwargs):
    if self.closed:
        raise RuntimeError("it is closed")
    self.closed = True


FAULTS = [
    ("metadata", NEXT, with_method(__init__=_named_mode)),
    ("batched_spaces", NEXT, with_method(__init__=_other_single_space)),
    ("observations", NEXT, setting(0, lambda x: x * 10)),
    ("observations", NEXT, setting(0, lambda x: x.astype(np.float64))),
    ("observations", NEXT, setting(0, lambda x: x * np.float32(np.nan))),
    ("observations", NEXT, setting(0, lambda x: x[:-1])),
    ("observations", NEXT, setting(0, lambda x: x.tolist())),
    ("observations", SAME, info_with(_final_out_of_bounds)),
    ("rewards", NEXT, setting(1, lambda x: x.astype(np.int64))),
    ("rewards", NEXT, setting(1, lambda x: x[:, None])),
    ("rewards", NEXT, setting(1, lambda x: x * np.nan)),
    ("rewards", NEXT, setting(1, lambda x: x.tolist())),
    ("flags", NEXT, setting(2, lambda x: x.astype(np.int8))),
    ("flags", NEXT, setting(3, lambda x: x[:, None])),
    ("infos", NEXT, info_with(_without("_turn"))),
    ("infos", NEXT, info_with(_without("turn"))),
    ("infos", NEXT, info_with(_as_list)),
    ("infos", NEXT, setting(4, lambda info: {**info, "_turn": info["_turn"].astype(np.int8)})),
    ("infos", NEXT, setting(4, lambda info: {**info, "turn": info["turn"][:-1]})),
    ("infos", NEXT, setting(4, lambda info: list(info))),
    ("same_seed", NEXT, with_method(start=_start_from_the_counter)),
    ("different_seeds", NEXT, with_method(seeds=lambda self, s: WalkVector.seeds(self, s and 5))),
    ("different_lanes", NEXT, with_method(seeds=lambda self, s: [s] * self.num_envs)),
    ("unseeded_reset", NEXT, with_method(seeds=_seeded_again)),
    ("unseeded_reset", NEXT, with_method(seeds=_unseeded_from_the_counter)),
    ("lane_independence", NEXT, SharedGenerator),
    (
        "batch_size",
        NEXT,
        with_method(
            seeds=lambda self, s: [s and s * self.num_envs + i for i in range(self.num_envs)]
        ),
    ),
    ("scalar_spaces", NEXT, with_method(__init__=_wider_space)),
    ("scalar_lanes", NEXT, with_method(seeds=lambda self, s: WalkVector.seeds(self, s and s + 9))),
    ("scalar_lanes", NEXT, setting(1, lambda x: x * 2)),
    ("scalar_infos", NEXT, info_with(_later_turn)),
    ("scalar_infos", NEXT, info_with(_without("turn", "_turn"))),
    ("episode_lengths", NEXT, with_method(reset_row=_count_the_reset)),
    ("autoreset", NEXT, with_method(Lying, does=SAME)),
    ("autoreset", NEXT, with_method(Lying, does=DISABLED)),
    ("autoreset", NEXT, with_method(reset_row=_play_in_reset_row)),
    ("autoreset", SAME, with_method(Lying, does=NEXT)),
    ("autoreset", SAME, OldObservation),
    ("autoreset", DISABLED, with_method(Lying, does=NEXT)),
    ("autoreset", DISABLED, with_method(Lying, does=SAME)),
    ("reset_row", NEXT, changing(_reward_in_reset_row)),
    ("reset_row", NEXT, changing(_end_in_reset_row)),
    ("final_values", SAME, info_with(_without("final_obs", "_final_obs"))),
    ("final_values", SAME, info_with(_without("final_info", "_final_info"))),
    ("final_values", SAME, info_with(_final_mask_everywhere)),
    ("partial_reset", DISABLED, ResetsAll),
    ("partial_reset", DISABLED, ResetsNothing),
    ("partial_reset", DISABLED, SharedGenerator),
    *(("reset_after_end", mode, SwallowsATurn) for mode in AutoresetMode),
    *(
        ("reset_after_end", mode, swallowing(lambda seed, options: seed is not None))
        for mode in AutoresetMode
    ),
    *(
        ("reset_after_end", mode, swallowing(lambda seed, options: seed is None and not options))
        for mode in AutoresetMode
    ),
    ("reset_after_end", DISABLED, swallowing(lambda seed, options: seed is None and options)),
    ("reset_after_end", DISABLED, swallowing(lambda seed, options: bool(seed and options))),
    ("action_masks", NEXT, info_with(_no_action)),
    ("action_masks", NEXT, info_with(_wide_mask)),
    ("action_masks", NEXT, setting(4, lambda i: {**i, "action_mask": i["action_mask"][:, :2]})),
    ("action_masks", NEXT, setting(4, lambda i: {**i, "action_mask": i["action_mask"] * 2})),
    ("action_masks_method", NEXT, with_method(action_masks=lambda self: self.observations() > 0)),
    (
        "action_masks_method",
        NEXT,
        with_method(action_masks=lambda self: ~WalkVector.action_masks(self)),
    ),
    (
        "action_masks_method",
        NEXT,
        with_method(action_masks=lambda self: WalkVector.action_masks(self).astype(np.int8)),
    ),
    ("final_action_masks", SAME, info_with(_final_info_without_mask)),
    ("returned_arrays_kept", NEXT, OwnBuffer),
    ("returned_arrays_kept", NEXT, TwoBuffers),
    ("returned_arrays_written", NEXT, ReadsBack),
    ("actions_kept", NEXT, WritesActions),
    ("deep_copy", NEXT, with_method(__deepcopy__=lambda self, memo: copy.copy(self))),
    ("pickling", NEXT, ForgetsItsGenerators),
    ("default_options", NEXT, OptionsDraw),
    ("unknown_options", NEXT, UnknownOptionsDraw),
    ("unknown_options", NEXT, UnknownOptionsLinger),
    ("options_kept", DISABLED, PopsTheMask),
    ("reset_mask", DISABLED, AnyMask),
    ("step_before_reset", NEXT, StartsByItself),
    ("actions_out_of_range", NEXT, Clips),
    ("closing", NEXT, with_method(close=_close_once)),
]
"""The check that has to fail, the mode that is declared, and the class."""
