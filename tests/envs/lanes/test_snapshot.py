"""Snapshots: an environment goes on from one bit for bit, and nothing else fits."""

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode

from carousel_envs import CarouselError, CarouselVectorEnv
from carousel_envs.registry import any_population, names, vector_env
from carousel_envs.wrappers import BeliefFeatures, ContentFilter, History, VisibleContext, Yoked


def short(name: str):
    return any_population(name).replace(session_length=7)


def screened(env):
    """A rule that depends on what was seen last."""
    return ContentFilter(env, rule=lambda seen, picks: (picks + (seen[:, 0] > 0)) % 3)


FORMS = {
    "plain": lambda env: env,
    "history": lambda env: History(env, 3),
    "context": lambda env: History(VisibleContext(env), 2),
    "belief": lambda env: BeliefFeatures(env, ("bored", "kind")),
    "filter": screened,
    "yoked": lambda env: History(Yoked(env), 2),
}


@pytest.mark.parametrize("name", ["Boredom", "Recall"])
def test_a_turn_beyond_the_limit_of_turns_is_refused(name: str):
    long = vector_env(short(name), 3)
    long.reset(seed=0)
    play(long, 4, 0)
    limited = vector_env(short(name), 3, max_episode_steps=3)
    with pytest.raises(CarouselError, match="turn"):
        limited.restore(long.snapshot())


def play(env, turns: int, seed: int):
    rng = np.random.default_rng(seed)
    seen = []
    for _ in range(turns):
        picks = rng.integers(0, env.single_action_space.n, env.num_envs)
        observation, reward, terminated, truncated, info = env.step(picks)
        seen += [observation.copy(), reward, terminated, truncated, info["user"].copy()]
    return seen


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
@pytest.mark.parametrize(
    ("name", "form"),
    [(name, "plain") for name in names()]
    + [("Satiation", form) for form in FORMS if form != "plain"]
    + [("Recall", "history")],
)
def test_a_fresh_environment_goes_on_from_a_snapshot(name: str, form: str, mode):
    def make():
        return FORMS[form](vector_env(short(name), 5, autoreset_mode=mode))

    one, two = make(), make()
    one.reset(seed=3)
    play(one, 10, 0)
    kept = one.snapshot()
    whole = play(one, 20, 1)
    two.restore(kept)
    for a, b in zip(whole, play(two, 20, 1), strict=True):
        np.testing.assert_array_equal(a, b)
    # and the first one can go back
    one.restore(kept)
    for a, b in zip(whole, play(one, 20, 1), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_snapshot_is_a_copy():
    env = CarouselVectorEnv(4)
    env.reset(seed=0)
    kept = env.snapshot()
    before = {name: array.copy() for name, array in kept.items()}
    play(env, 5, 0)
    for name, array in kept.items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("form", ["plain", "history"])
def test_what_does_not_fit_is_refused_and_changes_nothing(form: str):
    env = FORMS[form](CarouselVectorEnv(4))
    env.reset(seed=0)
    kept = env.snapshot()
    play(env, 5, 0)
    now = env.snapshot()
    name = next(name for name in kept if name.endswith("mask"))
    wrong = {
        "has no": {k: v for k, v in kept.items() if k != name},
        "has type float64": {**kept, name: kept[name].astype(float)},
        "and shape": {**kept, name: kept[name][:2]},
    }
    for sentence, snapshot in wrong.items():
        with pytest.raises(CarouselError, match=sentence):
            env.restore(snapshot)
        for key, array in env.snapshot().items():
            np.testing.assert_array_equal(array, now[key])
    with pytest.raises(ResetNeeded, match="snapshot was called before reset"):
        FORMS[form](CarouselVectorEnv(4)).snapshot()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        (name, field, value)
        for name in ("Boredom", "Recall")
        for field, value in (("persona", 9), ("persona", -2), ("user", 10**6), ("turn", 8))
    ]
    + [("Boredom", "mood", 2), ("Boredom", "streak", -1), ("Recall", "question", 9999)],
)
def test_what_no_session_comes_to_is_refused_and_changes_nothing(name, field, value):
    """Compiled code reads rows and columns by these numbers."""
    env = vector_env(short(name), 4)
    env.reset(seed=0)
    now = env.snapshot()
    altered = now[field].copy()
    altered[2] = value
    with pytest.raises(CarouselError, match=f"lanes have {field} from .*it must lie in"):
        env.restore({**now, field: altered})
    for seen in (np.nan, 99.0):
        shown = now["observation"].copy()
        shown[1, 0] = seen
        with pytest.raises(CarouselError, match="holds what is never shown"):
            env.restore({**now, "observation": shown})
    for key, array in env.snapshot().items():
        np.testing.assert_array_equal(array, now[key])


@pytest.mark.parametrize("name", ["Boredom", "Recall"])
def test_a_session_that_was_over_is_over_after_restoring(name):
    env = vector_env(short(name), 3, autoreset_mode="Disabled")
    env.reset(seed=0)
    while not env._session("over").any():
        env.step(np.zeros(3, dtype=np.int64))
    over = env.snapshot()
    env.reset(seed=1)
    env.restore(over)
    with pytest.raises(ResetNeeded, match="is over"):
        env.step(np.zeros(3, dtype=np.int64))


@pytest.mark.parametrize("name", ["Boredom", "Recall"])
def test_a_session_that_is_over_is_refused_where_it_would_have_begun_anew(name):
    env = vector_env(short(name), 3, autoreset_mode=AutoresetMode.NEXT_STEP)
    env.reset(seed=0)
    while not env._session("over").any():
        env.step(np.zeros(3, dtype=np.int64))
    other = vector_env(short(name), 3, autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(CarouselError, match=r"lanes have over from . to 1; it must lie in 0 to 0"):
        other.restore(env.snapshot())


@pytest.mark.parametrize(
    ("name", "key", "value", "sentence"),
    [
        ("Satiation", "satiation", np.nan, "satiation holds what is no number from 0 to the turn"),
        ("Satiation", "satiation", -1.0, "satiation holds what is no number from 0 to the turn"),
        ("Satiation", "satiation", 0.5, "satiation holds what is no number from 0 to the turn"),
        ("Boredom", "mask", 0, "mask is not what its observation says"),
        ("Recall", "mask", 0, "mask is not what its observation says"),
    ],
)
def test_arrays_that_no_session_comes_to_are_refused(name, key, value, sentence):
    env = vector_env(short(name), 4)
    env.reset(seed=0)
    now = env.snapshot()
    altered = now[key].copy()
    altered[1, 0] = value
    with pytest.raises(CarouselError, match=sentence):
        env.restore({**now, key: altered})
    for name_of, array in env.snapshot().items():
        np.testing.assert_array_equal(array, now[name_of])


def test_a_mask_that_is_not_its_users_is_refused():
    env = vector_env(any_population("Boredom"), 3)
    env.reset(seed=0)
    kept = env.snapshot()
    kept["mask"][1, 2] = 0
    kept["observation"][1, env.columns.available][2] = 0.0
    with pytest.raises(CarouselError, match="mask is not that of its users"):
        env.restore(kept)
    assert env.action_masks().all()


def test_a_snapshot_of_one_session_is_small():
    env = vector_env(short("Boredom"), 1)
    env.reset(seed=0)
    assert sum(array.nbytes for array in env.snapshot().values()) < 200


# -- whatever it holds ----------------------------------------------------------------------------

NO_ARRAYS = (None, 3, "x", [0.0, 1.0], {}, float("nan"))
NUMBERS = (-1, 1, 2, 6, 7, 8, 127, 0.5, -1e-9, 1e30, float("nan"), float("inf"))


def with_one_entry(array: np.ndarray, value: float, rng: np.random.Generator) -> np.ndarray | None:
    """The array with another number somewhere; None if its type has no such number."""
    if array.dtype.kind != "f" and not np.isfinite(value):
        return None
    if array.dtype.kind in "iu" and not np.iinfo(array.dtype).min <= value <= 127:
        return None
    changed = array.copy()
    changed.reshape(-1)[rng.integers(array.size)] = array.dtype.type(value)
    return None if np.array_equal(changed, array, equal_nan=True) else changed


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize(
    ("name", "form"),
    [("Satiation", form) for form in FORMS] + [("Welfare", "plain"), ("Recall", "history")],
)
def test_whatever_is_restored_is_refused_or_goes_on_within_its_spaces(name: str, form: str, mode):
    population, rng = short(name), np.random.default_rng(0)
    env = FORMS[form](vector_env(population, 5, autoreset_mode=mode))
    env.reset(seed=3)
    if mode != AutoresetMode.DISABLED:
        play(env, 9, 0)
    now, refused = env.snapshot(), 0
    for key, array in now.items():
        for wrong in NO_ARRAYS:
            with pytest.raises(CarouselError, match="must be an array of type"):
                env.restore({**now, key: wrong})
        for changed in (with_one_entry(array, value, rng) for value in NUMBERS):
            if changed is None:
                continue
            try:
                env.restore({**now, key: changed})
            except CarouselError:
                refused += 1
                for left, right in zip(env.snapshot().values(), now.values(), strict=True):
                    np.testing.assert_array_equal(left, right)
                continue
            goes_on(env, population.session_length, mode)
            env.restore(now)
    assert refused > 20


def goes_on(env, length: int, mode) -> None:
    """Play through a whole session: observations stay in their space, and every session ends."""
    over = np.zeros(env.num_envs, dtype=bool)
    for _ in range(length + 1):  # one may be the row of a reset
        observation, *_, terminated, truncated, _ = env.step(np.zeros(env.num_envs, dtype=int))
        assert env.observation_space.contains(observation)
        over |= terminated | truncated
        if mode == AutoresetMode.DISABLED and (terminated | truncated).any():
            env.reset(options={"reset_mask": terminated | truncated})
    assert over.all()


def test_what_is_no_dict_of_arrays_is_refused():
    env = History(vector_env(short("Boredom"), 2), 2)
    env.reset(seed=0)
    for wrong in (None, 5, [1], "text"):
        for level in (env, env.unwrapped):
            with pytest.raises(CarouselError, match="it must be a dict of arrays"):
                level.restore(wrong)
