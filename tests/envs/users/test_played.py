"""Very long tables of users: what is played is made, and is what the whole table holds."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from carousel_envs import CarouselVectorEnv, Population, user_table
from carousel_envs.foundation.caching import cached_by_size
from carousel_envs.users import kernel_rows as played_module
from carousel_envs.users.table import draw_users
from carousel_envs.wrappers import VisibleContext
from support.env_helpers import busy, sticky_actions
from support.matrix import most_later

POPULATIONS = {
    "everything": busy(n_users=5000),
    "alike": Population.preset("Boredom").replace(n_users=5000, session_length=6),
    "badges": busy(badge=0.5, unmask=True, n_users=5000, session_length=3),
    "one turn": busy(session_length=1, n_users=5000),
}


@pytest.fixture
def few(monkeypatch):
    """Makes tables of a thousand users very long ones."""
    monkeypatch.setattr(played_module, "MANY", 1000)
    monkeypatch.setattr("carousel_envs.wrappers.visible_context.MANY", 1000)


def record(env, turns: int, seed: int | None = 3):
    """Everything that an environment shows in a number of turns."""
    observation, info = env.reset(seed=seed)
    seen = [observation.copy(), info["user"].copy()]
    mode = env.metadata["autoreset_mode"]
    for actions in sticky_actions(0, turns, env.num_envs, 2):
        observation, reward, terminated, truncated, info = env.step(actions)
        masks, hidden = env.action_masks(), env.unwrapped.hidden()
        seen += [observation.copy(), reward, terminated, truncated, info["user"].copy(), masks]
        seen += [array.copy() for array in hidden.values()]
        over = terminated | truncated
        if mode == AutoresetMode.DISABLED and over.any():
            observation, info = env.reset(options={"reset_mask": over})
            seen += [observation.copy(), info["user"].copy()]
    return seen


@pytest.mark.sampled(3)
@pytest.mark.parametrize("wrap", [lambda env: env, VisibleContext], ids=["plain", "context"])
@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("limit", most_later([None, 2], lambda limit: limit is None))
def test_sessions_are_those_of_the_whole_table(few, name, mode, wrap, limit):
    population = POPULATIONS[name]

    def make():
        return wrap(
            CarouselVectorEnv(
                70, population=population, autoreset_mode=mode, max_episode_steps=limit
            )
        )

    lazy = make()
    assert lazy.unwrapped._played is not None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(played_module, "MANY", 10**6)
        patched.setattr("carousel_envs.wrappers.visible_context.MANY", 10**6)
        whole = make()
    assert whole.unwrapped._played is None
    for seed in (3, None):
        for one, other in zip(record(lazy, 30, seed), record(whole, 30, seed), strict=True):
            np.testing.assert_array_equal(one, other)
    made = int(lazy.unwrapped._played._is_made.sum())
    assert made < 5000


def test_chosen_users_snapshots_and_copies_are_those_of_the_whole_table(few):
    population = POPULATIONS["everything"]
    env = CarouselVectorEnv(5, population=population)
    users = np.array([4999, 0, -1, 17, 2500])
    env.reset(seed=1, options={"user": users})
    table = user_table(population)
    assert (env._user[users >= 0] == users[users >= 0]).all()
    np.testing.assert_array_equal(env.action_masks(), table.available[env._user])
    np.testing.assert_array_equal(env.hidden()["archetype"], table.archetype[env._user])
    snapshot = env.snapshot()
    others = [CarouselVectorEnv(5, population=population), copy.deepcopy(env)]
    others.append(pickle.loads(pickle.dumps(env)))
    expected = [env.step(np.full(5, t % 2))[0].copy() for t in range(30)]
    for other in others:
        other.restore(snapshot)
        for t, row in enumerate(expected):
            np.testing.assert_array_equal(other.step(np.full(5, t % 2))[0], row)


def test_some_rows_are_those_of_the_table():
    population = POPULATIONS["badges"]
    index = np.array([4999, 3, 3, 0])
    some, table = draw_users(population, index), user_table(population)
    for part, whole in zip(some.arrays, table.arrays, strict=True):
        np.testing.assert_array_equal(part, whole[index])


_ONE_SESSION = """
import resource
from carousel_envs import CarouselEnv, Population
from carousel_envs.wrappers import VisibleContext
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
population = Population.preset("Taste").replace(
    n_users=10_000_000, unavailability=0.3, satiation_gain=(0.1, 0.2), satiation_memory=0.5
)
env = VisibleContext(CarouselEnv(population=population))
env.reset(seed=0)
while not any(env.step(0)[2:4]):
    pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_one_session_of_the_longest_table_takes_little_memory():
    ran = subprocess.run(
        [sys.executable, "-c", _ONE_SESSION], capture_output=True, text=True, check=True
    )
    assert float(ran.stdout) < 150.0  # MB; the whole table takes more than 2000


_COPIES = """
import copy, pickle, resource
import numpy as np
from carousel_envs import CarouselEnv, Population
population = Population.preset("Taste").replace(
    n_users=10_000_000, unavailability=0.3, satiation_gain=(0.1, 0.2), satiation_memory=0.5
)
env = CarouselEnv(population=population)
env.reset(seed=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
text = pickle.dumps(env)
copies = [copy.deepcopy(env), pickle.loads(text)]
assert len(text) < 1e6, len(text)
for t in range(60):
    seen = [one.step(t % 2) for one in (env, *copies)]
    for other in seen[1:]:
        np.testing.assert_array_equal(other[0], seen[0][0])
        assert other[1:4] == seen[0][1:4]
    if any(seen[0][2:4]):
        for one in (env, *copies):
            one.reset()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
def test_copies_of_the_longest_table_take_little_memory():
    ran = subprocess.run(
        [sys.executable, "-c", _COPIES], capture_output=True, text=True, check=True
    )
    assert float(ran.stdout) < 150.0  # MB; each copy of the whole table takes more than 800


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_copies_go_on_as_the_original_without_a_reset(few, mode):
    env = CarouselVectorEnv(5, population=POPULATIONS["badges"], autoreset_mode=mode)
    env.reset(seed=1)
    turns = 2 if mode == AutoresetMode.DISABLED else 30
    for split in range(4 if turns == 30 else 1):
        copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
        for t in range(turns + split):
            expected = env.step(np.full(5, t % 2))
            for other in copies:
                for one, same in zip(other.step(np.full(5, t % 2))[:4], expected[:4], strict=True):
                    np.testing.assert_array_equal(one, same)
        assert all(np.shares_memory(one._arrays.rows, one._played.rows.rows) for one in copies)


def test_results_are_kept_up_to_a_number_of_bytes():
    calls = []

    @cached_by_size(len, most_bytes=100)
    def text_of(n: int) -> str:
        calls.append(n)
        return "x" * n

    for n in (40, 50, 40, 30, 40, 50, 400, 400, 40):
        assert len(text_of(n)) == n
    # 30 pushes out 50, which was used before 40; what is too large alone stays until another comes
    assert calls == [40, 50, 30, 50, 400, 40]
