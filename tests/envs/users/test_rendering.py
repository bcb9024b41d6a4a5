"""Frames: a line says who speaks, what was shown and what was hidden; a picture grows by a turn."""

from __future__ import annotations

from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from carousel_envs import CarouselEnv, CarouselVectorEnv, Population, RecallEnv, repertoire
from carousel_envs.lanes.font import written
from carousel_envs.lanes.sheet import GAP, INK, PERSONAS
from support.env_helpers import CUES, busy, plain


@pytest.fixture
def lines() -> CarouselEnv:
    env = CarouselEnv(population=busy(unavailability=0.0, swap_cost=0.25), render_mode="ansi")
    env.reset(seed=0, options={"user": 0})
    return env


def test_before_the_first_turn_nobody_has_spoken(lines):
    assert "nobody" in lines.render()


@pytest.mark.parametrize("unmask", [False, True])
def test_a_line_says_who_speaks_what_was_shown_and_what_was_hidden(unmask):
    moods, engaged, spoke = set(), set(), set()
    population = busy(swap_cost=0.25, unmask=unmask)
    picks = (0, 1, 4) if unmask else (0, 1)
    for seed in range(6):
        env = CarouselEnv(population=population, render_mode="ansi")
        env.reset(seed=seed)
        over, turn = False, 0
        while not over:
            obs, reward, terminated, truncated, info = env.step(picks[turn // 3 % len(picks)])
            over, turn = terminated or truncated, turn + 1
            line = env.render()
            speaks = population.actions[int(obs[env.columns.persona].argmax())]
            spoke.add(speaks)
            assert f"turn {turn:2d} | {speaks} " in line
            assert f"reply_latency={int(obs[0])} reply_length={int(obs[1])}" in line
            assert f"hidden: {('fresh', 'bored')[info['mood']]}," in line
            assert f"chance {info['engagement_mean']:.2f}" in line
            assert f"reward {reward:+.2f}" in line
            assert ("| engaged" in line) == bool(obs[env.columns.engagement])
            assert ("swap" in line) == info["swapped"]
            assert ("refused" in line) == info["refused"]
            assert line.endswith("left") == terminated
            assert line.endswith("session over") == truncated
            assert "\n" not in line
            moods.add(info["mood"])
            engaged.add(float(obs[env.columns.engagement]))
    assert moods == {0, 1}
    assert engaged == {0.0, 1.0}
    assert ("none" in spoke) == unmask


def test_a_new_session_starts_a_new_page(lines):
    lines.step(0)
    assert "turn  1" in lines.render()
    lines.reset()
    assert "nobody" in lines.render()


def test_pictures_keep_their_shape_and_change_with_every_turn():
    env = CarouselEnv(population=plain(), render_mode="rgb_array")
    env.reset(seed=0)
    frames = [env.render()]
    for turn in range(10):
        env.step(turn % 3)
        frames.append(env.render())
    assert all(frame.dtype == np.uint8 for frame in frames)
    assert len({frame.shape for frame in frames}) == 1
    assert frames[0].ndim == 3
    assert frames[0].shape[2] == 3
    for before, after in pairwise(frames):
        changed = np.flatnonzero((before != after).any(axis=(0, 2)))
        assert 0 < changed.size <= 12, "one column of the picture per turn"
    np.testing.assert_array_equal(env.render(), frames[-1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"fit": 1.0}, {"fit": 0.0, "engagement_bored": 1.0}),
        ({"engagement_fresh": 1.0}, {"engagement_fresh": 0.0}),
        ({"cues": (((1.0, 0.0), (1.0, 0.0)),)}, {"cues": (((0.0, 1.0), (0.0, 1.0)),)}),
    ],
    ids=["mood", "engagement", "cue"],
)
def test_pictures_tell_apart_what_users_show_and_hide(one, other):
    frames = []
    for fields in (one, other):
        env = CarouselEnv(population=plain(**fields), render_mode="rgb_array")
        env.reset(seed=0)
        env.step(0)
        frames.append(env.render())
    assert frames[0].shape == frames[1].shape or "cues" in one
    assert not np.array_equal(*frames)


def test_pictures_tell_apart_who_speaks_and_whether_a_pick_was_refused():
    population = plain(unavailability=0.5, n_users=300)
    frames = []
    for pick in (0, 1, 2):
        env = CarouselEnv(population=population, render_mode="rgb_array")
        for user in range(300):
            _, info = env.reset(seed=0, options={"user": user})
            if info["action_mask"].tolist() == [1, 0, 1]:
                break
        env.step(pick)
        frames.append(env.render())
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(frames[i], frames[j])


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("render_mode", ["ansi", "rgb_array"])
def test_every_lane_draws_its_own_session(mode, render_mode):
    population = busy(leave_fresh=0.0, leave_bored=0.0, session_length=4)
    vector = CarouselVectorEnv(
        3, population=population, render_mode=render_mode, autoreset_mode=mode
    )
    scalars = [CarouselEnv(population=population, render_mode=render_mode) for _ in range(3)]
    vector.reset(seed=3)
    for i, scalar in enumerate(scalars):
        scalar.reset(seed=3 + i)
    for turn in range(4):
        vector.step([0, 1, turn % 4])
        for i, scalar in enumerate(scalars):
            scalar.step((0, 1, turn % 4)[i])
            np.testing.assert_array_equal(vector.render()[i], scalar.render())
    assert len(vector.render()) == 3
    if mode == AutoresetMode.DISABLED:
        vector.reset(options={"reset_mask": np.array([True, False, False])})
        scalars[0].reset()
    elif mode == AutoresetMode.NEXT_STEP:
        vector.step([0, 0, 0])
        for scalar in scalars:
            scalar.reset()
    else:
        vector.step([1, 1, 1])
        for scalar in scalars:
            scalar.reset()
            scalar.step(1)
    for i, scalar in enumerate(scalars):
        np.testing.assert_array_equal(vector.render()[i], scalar.render())


def test_without_a_render_mode_nothing_is_drawn():
    for env in (CarouselEnv(), CarouselVectorEnv(2)):
        env.reset(seed=0)
        assert env.render() is None


@pytest.mark.parametrize("render_mode", ["ansi", "rgb_array"])
def test_drawing_does_not_change_what_is_played(render_mode):
    drawn = CarouselEnv(population=busy(), render_mode=render_mode)
    plain_ = CarouselEnv(population=busy())
    drawn.reset(seed=4)
    plain_.reset(seed=4)
    for action in (0, 1, 1):
        one, other = drawn.step(action), plain_.step(action)
        drawn.render()
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:4] == other[1:4]
        if one[2]:
            break


def test_a_line_tells_what_the_reward_does_not_see():
    env = gym.make("Carousel/Welfare-v0", render_mode="ansi").unwrapped
    env.reset(seed=4)
    said = 0
    for turn in range(400):
        obs, _, terminated, truncated, info = env.step(turn % 5)
        line = env.render()
        assert f"welfare {info['welfare']:+.2f}" in line
        assert ("kept after a goodbye" in line) == info["kept"]
        assert ("says goodbye" in line) == bool(obs[env.columns.farewell])
        assert ("vulnerable" in line) == bool(obs[env.columns.vulnerable])
        said += info["kept"]
        if terminated or truncated:
            env.reset()
    assert said
    paid = Population.preset("Unmask").replace(unmask_payoff=0.5)
    env = gym.make("Carousel/Unmask-v0", population=paid, render_mode="ansi").unwrapped
    env.reset(seed=0)
    for action, payoff in ((6, "+0.50"), (0, "+0.00")):
        env.step(action)
        assert f"payoff {payoff}" in env.render()


# -- labels ---------------------------------------------------------------------------------------


def places(frame: np.ndarray, text: str) -> list[int]:
    """The rows of points from which a text is written at the left edge of a frame."""
    points = written(text)
    ink = (frame == INK).all(axis=2)
    height, width = points.shape
    # the space after the last letter tells a word from one that begins with it
    region = ink[:, GAP : GAP + width]
    return [
        top
        for top in range(len(ink) - height + 1)
        if np.array_equal(region[top : top + height], points)
        and not ink[top : top + height, GAP + width : GAP + width + 5].any()
    ]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("length", [1, 3, 40, 1000])
@pytest.mark.parametrize("changes", [{}, {"unmask": True}, {"cues": CUES * 3}, {"cues": ()}])
def test_every_row_of_a_picture_is_labelled(length, changes):
    population = busy(session_length=length, unavailability=0.3, **changes)
    env = CarouselEnv(population=population, render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    shown = env.column_names[: env.columns.n_cues]
    labels = (*population.actions, "engagement", *shown, "mood (hidden)", "turn")
    tops = [places(frame, label) for label in labels]
    assert all(len(found) == 1 for found in tops), dict(zip(labels, tops, strict=True))
    assert sorted(tops) == tops, "in this order"
    env.step(0)
    assert env.render().shape == frame.shape


def test_the_legend_explains_every_colour():
    env = CarouselEnv(population=busy(unavailability=0.5, n_users=300), render_mode="rgb_array")
    seen, explained = set(), None
    for seed in range(6):
        env.reset(seed=seed)
        blank = env.render()
        over = False
        while not over:
            _, _, terminated, truncated, _ = env.step(seed % 4)
            over = terminated or truncated
        explained = colours(blank)
        changed = (blank != env.render()).any(axis=2)
        seen |= colours(env.render()[changed])
    between = {colour for colour in seen if len(set(colour)) == 1}
    assert seen - between - set(PERSONAS) <= explained
    assert min(between) in explained
    assert max(between) in explained


def colours(points: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, points.reshape(-1, 3).tolist()))


def test_pictures_of_questions_are_labelled():
    env = RecallEnv(render_mode="rgb_array")
    env.reset(seed=0)
    labels = (*env.population.personas, "answer", "reward", "forbidden (hidden)", "turn")
    assert all(len(places(env.render(), label)) == 1 for label in labels)


def test_the_font_writes_every_name_and_every_digit_unlike_the_others():
    letters = "abcdefghijklmnopqrstuvwxyz0123456789_-.,:() "
    shapes = {written(letter).tobytes() for letter in letters}
    assert len(shapes) == len(letters)
    assert written("é").tobytes() not in shapes
    assert written("ab").shape == (8, 12)
    assert set("".join(repertoire())) <= set(letters)
