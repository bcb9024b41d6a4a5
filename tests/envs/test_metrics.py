"""Metrics: how turns combine over a session, and what may be registered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from carousel_envs import CarouselError, CarouselVectorEnv, Population
from carousel_envs.counting import Tally
from carousel_envs.metrics import METRICS, OWN, Metric, Turn, register
from carousel_envs.reference.acting.open_loop import UniformPolicy
from carousel_envs.rollout import LANES, rollout
from carousel_envs.users.observation import Columns
from support.metric_plugins import LONGEST_RUN, NAMES, restored, write_plugin

POPULATION = Population.preset("Boredom").replace(session_length=12)
POLICY = UniformPolicy(Columns.of(POPULATION))
# three lanes; the first ends after two turns, the others after four
NUMBERS = np.array([[1, 5, 0], [3, 2, 0], [9, 4, 0], [9, 1, 7]])
LAST = np.array([1, 3, 3])


@pytest.fixture(autouse=True)
def surroundings():
    with restored():
        yield


def tallied(metric: Metric, numbers=NUMBERS) -> np.ndarray:
    """A metric over the sessions above, whose turn's number is `info["x"]`."""
    lanes = numbers.shape[1]
    tally, running = Tally(lanes, [metric]), np.ones(lanes, dtype=bool)
    for i, row in enumerate(numbers):
        ended, no = i == LAST, np.zeros(lanes, dtype=bool)
        shown, picks = np.zeros((lanes, 1), np.float32), np.zeros(lanes, np.int64)
        turn = Turn(i, POPULATION, shown, picks, np.zeros(lanes), ended, no, {"x": row})
        tally.add(turn, running)
        running &= ~ended
    return tally.totals[metric.name]


@pytest.mark.parametrize(
    ("over_turns", "dtype", "expected"),
    [
        ("sum", np.int64, [4, 12, 7]),
        ("sum", np.float64, [4.0, 12.0, 7.0]),
        ("mean", np.float64, [2.0, 3.0, 1.75]),
        ("max", np.int64, [3, 5, 7]),
        ("max", np.float64, [3.0, 5.0, 7.0]),
        ("any", np.bool_, [True, True, True]),
        ("last", np.int64, [3, 1, 7]),
    ],
)
def test_turns_combine_until_the_session_ends(over_turns, dtype, expected):
    total = tallied(Metric("x", "any", "x", over_turns, dtype=dtype))
    assert total.dtype == dtype
    assert total.tolist() == expected


def test_any_and_max_know_that_nothing_happened():
    none = np.zeros_like(NUMBERS)
    assert not tallied(Metric("x", "any", "x", "any", dtype=np.bool_), none).any()
    assert tallied(Metric("x", "any", "x", "max"), none - 2).tolist() == [-2.0, -2.0, -2.0]


def test_a_source_may_be_a_function_of_the_turn():
    squares = Metric("x", "any", lambda turn: turn.info["x"] ** 2 + turn.number)
    assert tallied(squares).tolist() == [1 + 10, 25 + 5 + 18 + 4, 1 + 2 + 52]


@pytest.mark.parametrize(
    ("source", "dtype", "sentence"),
    [
        (lambda turn: np.zeros(2), np.float64, "turn of metric 'x' has shape .2,.; it must be .3,"),
        (lambda turn: np.full(3, 0.5), np.int64, "metric 'x' is float64, which .*int64, cannot"),
        (
            lambda turn: np.zeros(3) if turn.number < 2 else None,
            np.float64,
            "metric 'x' has nothing to say of turn 2",
        ),
    ],
)
def test_numbers_that_do_not_fit_are_refused(source, dtype, sentence):
    with pytest.raises(CarouselError, match=sentence):
        tallied(Metric("x", "any", source, dtype=dtype))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "Longest Run"}, "name of a metric is 'Longest Run'; it must be lower-case"),
        ({"meaning": " "}, "metric 'x': meaning is ' '; it must be one line"),
        ({"source": None}, "metric 'x' must have either a source or a memory"),
        ({"over_turns": "median"}, "metric 'x': over_turns is 'median'; it must be 'sum'"),
        ({"dtype": np.float32}, "metric 'x': dtype is .*it must be np.float64 or np.int64$"),
        ({"field": "engagement"}, "metric 'x': field is 'engagement'; it must be '', 'length'"),
        ({"over_turns": "any"}, "metric 'x': dtype is .*it must be np.bool$"),
    ],
)
def test_bad_fields_are_one_sentence(fields, sentence):
    with pytest.raises(CarouselError, match=sentence):
        Metric(**{"name": "x", "meaning": "any", "source": "x", **fields})


def test_two_metrics_of_one_name_are_refused(tmp_path, monkeypatch):
    text = LONGEST_RUN.replace('"longest_run"', '"swaps"')
    write_plugin(tmp_path, monkeypatch, text)
    with pytest.raises(CarouselError, match="metric 'swaps' is registered by carousel_envs"):
        list(METRICS)


def test_what_every_rollout_counts_is_what_the_table_says():
    """The compiled loop and the table's own definition of the same figures."""
    counted = [metric for metric in OWN if metric.field]
    assert [metric.field for metric in counted] == ["length", "left", "swaps", "refused"]
    played = rollout(POPULATION, POLICY, 300, seed=5)
    again = [
        Metric(f"again_{m.name}", "any", m.source, m.over_turns, dtype=m.dtype) for m in counted
    ]
    for metric in again:
        register(metric)
    totals = rollout(POPULATION, POLICY, 300, seed=5).totals
    for metric, same in zip(counted, again, strict=True):
        field = getattr(played, metric.field)
        assert totals[same.name].dtype == field.dtype
        np.testing.assert_array_equal(totals[same.name], field)
        np.testing.assert_array_equal(played.metrics[metric.name], field)


class First:
    """Always picks the first persona."""

    def initial_state(self, lanes, seed):
        return None

    def act(self, observation, state):
        return np.zeros(len(observation), dtype=np.int64), None


@pytest.mark.parametrize(
    ("preset", "others"),
    [
        ("Boredom", []),
        ("Welfare", ["welfare", "kept"]),
        ("Unmask", ["unmasked", "payoff"]),
        ("Recall", ["knowledgeable", "lied", "deceived", "forbidden", "deceived_on_forbidden"]),
    ],
)
def test_metrics_that_these_users_lack_are_absent(preset, others):
    everywhere = ["session_length", "left", "swaps", "refused"]
    assert list(rollout(preset, First(), 3).metrics) == [*everywhere, *others]


def alone(session: int, seed: int) -> tuple[int, float]:
    """Both metrics of the plugin for one session, played by itself and counted by hand."""
    env = CarouselVectorEnv(1, population=POPULATION, reward="mean")
    obs, _ = env.reset(seed=seed + session, options={"user": session % POPULATION.n_users})
    state, runs, engaged, over = POLICY.initial_state(1, seed + session), [0], [], False
    while not over:
        picks, state = POLICY.act(obs, state)
        obs, _, terminated, truncated, info = env.step(picks)
        runs = [*runs, 1] if info["swapped"][0] else [*runs[:-1], runs[-1] + 1]
        engaged.append(info["engagement_mean"][0] > 0.5)
        over = terminated[0] or truncated[0]
    return max(runs), float(np.mean(engaged[4:])) if engaged[4:] else float("nan")


def test_a_plugin_with_memory_reaches_the_totals_of_every_session(tmp_path, monkeypatch):
    write_plugin(tmp_path, monkeypatch)
    sessions = rollout(POPULATION, POLICY, LANES + 3, seed=5)
    assert tuple(sessions.totals) == NAMES
    assert list(sessions.metrics) == ["session_length", "left", "swaps", "refused", *NAMES]
    run, late = (sessions.totals[name] for name in NAMES)
    assert (run.dtype, late.dtype) == (np.int64, np.float64)
    for session in (0, 1, 57, LANES - 1, LANES, LANES + 2):
        np.testing.assert_equal((run[session], late[session]), alone(session, 5))
    assert np.isnan(late).sum() == (sessions.length <= 4).sum() > 0
    assert METRICS["engaged_late"].mean(late) == late[sessions.length > 4].mean()
    assert METRICS["engaged_late"].mean(np.full(3, np.nan)) is None


def test_the_example_of_the_documentation_works():
    page = Path(__file__).parents[2] / "docs" / "results_format.md"
    section = page.read_text(encoding="utf-8").partition("## A metric of your own")[2]
    example = section.split("```python\n")[1].split("```")[0]
    exec(example, {"__name__": "plugin_of_the_page"})
    sessions = rollout(POPULATION, First(), 40)
    np.testing.assert_array_equal(sessions.totals["longest_run"], sessions.length)
