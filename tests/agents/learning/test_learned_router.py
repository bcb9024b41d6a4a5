"""A learned router: explicit memory, its own view, masks, and no torch."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from carousel_agents.learning import LearnedRouter
from carousel_agents.learning.learned_router import Memory
from carousel_agents.learning.view import View
from carousel_envs import CarouselError
from carousel_envs.rollout import Onlooker, rollout
from support.learned_models import played
from support.policy_files import POPULATION, RECALL, make_file

RECURRENT = LearnedRouter(make_file(lstm=2), "recurrent")


def turns(n: int, lanes: int = 16) -> list[np.ndarray]:
    return played(POPULATION, None, lanes, n)[0]


def test_playing_a_file_does_not_import_torch(tmp_path: Path):
    path = tmp_path / "policy.safetensors"
    make_file(lstm=1, view=View(history=2, visible_context=True), masked=True).save(path)
    code = (
        "import sys; from carousel_agents.router import find_router\n"
        "from carousel_envs import Population\nfrom carousel_envs.rollout import rollout\n"
        "users = Population.preset('Boredom')\n"
        f"print(rollout(users, find_router({str(path)!r}, users), 20).mean)\n"
        "assert not {'torch', 'stable_baselines3', 'sb3_contrib'} & set(sys.modules)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert np.isfinite(float(run.stdout))


@pytest.mark.parametrize("population", [POPULATION, RECALL], ids=["users", "questions"])
def test_a_router_plays_through_its_own_view(population):
    router = LearnedRouter(make_file(population, view=View(history=3), lstm=1), "mine")
    assert isinstance(router, Onlooker)
    sessions = rollout(population, router, 50)
    assert len(sessions.length) == 50
    again = rollout(population, router, 50)
    np.testing.assert_array_equal(sessions.engagement, again.engagement)


def test_memory_matters_and_is_never_changed_in_place():
    rows = turns(3)
    state = RECURRENT.initial_state(16, 0)
    for row in rows:
        before = Memory(state.h.copy(), state.c.copy())
        outputs, after = RECURRENT.outputs(row, state)
        np.testing.assert_array_equal(before.h, state.h)
        np.testing.assert_array_equal(before.c, state.c)
        assert not np.shares_memory(after.h, state.h)
        assert not np.shares_memory(after.c, state.c)
        state = after
    forgetful, _ = RECURRENT.outputs(rows[-1])
    assert not np.allclose(outputs, forgetful)


@pytest.mark.parametrize("population", [POPULATION, RECALL], ids=["users", "questions"])
def test_a_session_begins_without_memory(population):
    """Whatever the state holds, NaN even, where nobody has spoken yet."""
    router = LearnedRouter(make_file(population, lstm=2), "mine")
    (first, second, *_), _, _ = played(population, None, 8, 3)
    old = router.initial_state(8, 0)
    spoiled = Memory(old.h + np.nan, old.c + np.nan)
    fresh = router.outputs(first, old)
    for ours, theirs in zip(router.outputs(first, spoiled), fresh, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.isnan(router.outputs(second, spoiled)[0]).all()


@pytest.mark.parametrize("lstm", [0, 2])
def test_a_row_does_not_depend_on_its_batch(lstm: int):
    router = LearnedRouter(make_file(lstm=lstm, hidden=19), "mine")
    state = alone = router.initial_state(37, 0)
    for row in turns(4, lanes=37):
        outputs, state = router.outputs(row, state)
        for lane in range(37):
            one = None if alone is None else Memory(*(s[:, lane : lane + 1] for s in alone))
            single, after = router.outputs(row[lane : lane + 1], one)
            np.testing.assert_array_equal(single[0], outputs[lane])
            if after is not None:
                np.testing.assert_array_equal(after.h[:, 0], state.h[:, lane])
                np.testing.assert_array_equal(after.c[:, 0], state.c[:, lane])
        alone = state


def test_who_is_away_is_not_picked_by_a_masked_network():
    users = POPULATION.replace(unavailability=0.5)
    router = LearnedRouter(make_file(users, masked=True), "mine")
    rows, _, masks = played(users, None, 64, 5)
    for row, mask in zip(rows, masks, strict=True):
        assert not mask.all()
        picked, _ = router.act(row, None)
        assert mask[np.arange(64), picked].all()
        log_probabilities, _ = router.log_probabilities(row)
        assert np.isneginf(log_probabilities[~mask]).all()
        np.testing.assert_allclose(np.exp(log_probabilities).sum(axis=1), 1.0, atol=1e-6)
    assert rollout(users, router, 200).refused.sum() == 0
    heedless = LearnedRouter(make_file(users), "mine")
    assert rollout(users, heedless, 200).refused.sum() > 0


def test_where_nobody_is_available_something_is_still_said():
    router = LearnedRouter(make_file(masked=True), "mine")
    row = turns(1)[0].copy()
    row[:, list(router.file.available)] = 0.0
    assert np.isfinite(router.outputs(row)[0]).all()


def test_everybody_answers_questions():
    file = make_file(RECALL)
    masked = replace(file, network=replace(file.network, masked=True))
    (row,), _, _ = played(RECALL, None, 8, 1)
    np.testing.assert_array_equal(
        LearnedRouter(masked, "a").outputs(row)[0], LearnedRouter(file, "b").outputs(row)[0]
    )


def test_columns_are_counted_scaled_and_cut():
    """By hand: a linear network that shows what it reads."""
    file = make_file()
    weight = np.zeros((4, 15), np.float32)
    streak = file.columns.index("turns_with_persona")
    weight[0, streak] = 1.0
    weight[1, 0] = 1.0
    scaling = replace(
        file.scaling,
        counts=(streak,),
        centre=np.full(15, 0.5, np.float32),
        scale=np.full(15, 2.0, np.float32),
    )
    linear = replace(file.network, layers=((weight, np.zeros(4, np.float32)),))
    row = np.zeros((1, 15), np.float32)
    row[0, streak], row[0, 0] = 3.0, 9.0
    for clip, expected in ((None, [(np.log(4.0) - 0.5) / 2, 4.25]), (0.2, [0.2, 0.2])):
        router = LearnedRouter(replace(file, scaling=scaling, network=linear, clip=clip), "mine")
        np.testing.assert_allclose(router.outputs(row)[0][0, :2], expected, rtol=1e-6)


def test_what_does_not_fit_the_network_is_told():
    row = turns(1)[0]
    with pytest.raises(CarouselError, match=r"reads \(N, 15\)"):
        RECURRENT.outputs(row[:, :3])
    with pytest.raises(CarouselError, match=r"shape \(15,\); it must be numbers of shape \(N, D\)"):
        RECURRENT.outputs(row[0])
    for state in (RECURRENT.initial_state(3, 0), (1, 2), np.zeros(3)):
        with pytest.raises(CarouselError, match=r"needs h and c of shape \(2, 16, 8\)"):
            RECURRENT.outputs(row, state)
    values = LearnedRouter(make_file(head="values"), "values")
    with pytest.raises(CarouselError, match="are no log-probabilities"):
        values.log_probabilities(row)


def test_it_says_where_it_comes_from():
    assert "ppo in Carousel/Boredom-v0, 10 steps" in RECURRENT.description
    strange = LearnedRouter(make_file(training={"steps": "\x1b[31m"}), "strange")
    assert strange.description.isprintable()
