"""Every script measures at a tiny size what it says: rows of one form, from the real thing."""

import json

import numpy as np
import pytest

import adapter
import ceiling
import common
import inference
import memory
import parts
import passes
import peers
import references
import scalar
import scripted
import startup
import stepping
import steps_to_score
import users
from carousel_agents.benchmark.timing import Spread
from carousel_agents.learning.adapter import CarouselVecEnv
from support.matrix import most_later


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    for script in (inference, scalar, scripted, stepping, users):
        monkeypatch.setattr(script, "SECONDS", 0.0)


def printed(capsys):
    document = json.loads(capsys.readouterr().out)
    for row in document["rows"]:
        assert row["lowest"] <= row["measured"] <= row["highest"]
    assert document["versions"]["numpy"] == np.__version__
    return document["rows"]


def test_a_claim_is_met_from_its_bound_on():
    assert common.row("", Spread(2.0, 1.0, 3.0), at_least=2.0)["met"] is True
    assert common.row("", Spread(1.9, 1.0, 3.0), at_least=2.0)["met"] is False
    assert common.row("", Spread(1.0, 1.0, 3.0), at_most=1.0)["met"] is True
    assert common.row("", Spread(1.1, 1.0, 3.0), at_most=1.0)["met"] is False
    assert common.row("", Spread(1.1, 1.0, 3.0))["met"] is None


@pytest.mark.parametrize("given", [["--blocks", "0"], ["--blocks", "many"], ["--env", "Nowhere"]])
def test_wrong_usage_is_one_sentence(capsys, given):
    with pytest.raises(SystemExit) as ended:
        scalar.main(given)
    assert ended.value.code == 2
    assert given[1] in capsys.readouterr().err.splitlines()[-1]


def test_stepping(capsys, monkeypatch):
    monkeypatch.setattr(stepping, "BATCHES", (1, 8))
    stepping.main(["--env", "Recall", "--blocks", "2"])
    whats = [row["what"] for row in printed(capsys)]
    assert whats == [
        "Recall: steps in place / CartPole",
        "Recall: steps with fresh copies / CartPole",
        "Recall: steps in place / rows written",
        "Recall: steps of two threads / one",
        "Recall: vector arithmetic of two threads / one",
    ]


def test_halves_that_are_not_the_whole_are_noticed(monkeypatch):
    right = stepping.halves

    def wrong(environment, lanes, seed=0):
        return [right(environment, lanes, seed)[0]] * 2

    monkeypatch.setattr(stepping, "halves", wrong)
    with pytest.raises(AssertionError, match="not the whole"):
        stepping.check_halves("Carousel/Boredom-v0", lanes=4, steps=3)


def test_the_best_batch_of_the_peer_is_the_fastest(monkeypatch):
    class Planted(peers.Stepper):
        def rate(self, seconds):
            return {1: 5.0, 8: 7.0, 64: 6.0}[self.lanes]

    monkeypatch.setattr(peers, "Stepper", Planted)
    best, rates = peers.best_cartpole((1, 8, 64), 2, 0.0)
    assert best == 8
    assert rates[64] == Spread(6.0, 6.0, 6.0)


def test_rows_are_written_whole():
    writer = peers.RowWriter(4, 3)
    assert writer.play() == 4 * 1024
    assert (writer._out == [45, 46, 47]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Welfare", "Recall"])
def test_passes(name, capsys):
    passes.main(["--env", name, "--lanes", "2048", "--blocks", "2"])
    rows = printed(capsys)
    assert [row["what"].split(": ")[1] for row in rows[:2]] == ["step", "same picks"]
    assert len(rows) == 8
    assert all(row["of_step"] > 0 for row in rows[1:])


def test_scalar(capsys):
    scalar.main(["--env", "Boredom", "--blocks", "2"])
    (row,) = printed(capsys)
    assert row["at_least"] == 1.0


def test_scripted_leaves_out_whom_these_users_have_no_use_for(capsys):
    scripted.main(["--router", "uniform", "--router", "loop", "--env", "Recall", "--blocks", "2"])
    whats = [row["what"] for row in printed(capsys)]
    assert whats == ["uniform: decisions", "uniform: decisions / bare steps"]


def test_users(capsys, monkeypatch):
    monkeypatch.setattr(users, "SIZES", (10, 100))
    users.main(["--lanes", "64", "--blocks", "2"])
    (row,) = printed(capsys)
    assert row["at_most"] == users.WANTED


def test_users_of_the_table_differ():
    population = users.Population.preset("Boredom").replace(n_users=10, **users.RANGES)
    table = users.Stepper("Carousel/Boredom-v0", 1, population=population).env.unwrapped.users
    assert len(np.unique(table.rows, axis=0)) == 10


def test_memory_that_grows_is_seen(capsys, monkeypatch):
    sizes = iter(range(100))
    monkeypatch.setattr(memory, "resident", lambda: float(next(sizes)))
    memory.main(["--steps", "10", "--blocks", "20"])
    rows = printed(capsys)
    # twenty samples, of which the first two warm up
    assert [row["measured"] for row in rows] == [17.0, 17.0]
    assert [row["met"] for row in rows] == [False, False]


def test_memory_in_use_is_read():
    assert memory.resident() > 10.0


def test_inference(capsys):
    inference.main(["--algo", "ppo", "--lanes", "1", "--blocks", "2"])
    assert len(printed(capsys)) == 1


def test_what_the_ways_into_stable_baselines_cost(capsys, monkeypatch):
    for name, value in {"LANES": 2, "TURNS": 8, "STEPS": 16, "SECONDS": 0.0}.items():
        monkeypatch.setattr(adapter, name, value)
    monkeypatch.setattr(scalar, "STEPS", 2)
    with pytest.warns(UserWarning, match="mini-batch size"):
        adapter.main(["--blocks", "1"])
    assert len(printed(capsys)) == 4


def test_the_free_environment_plays_a_recording_round_and_round(monkeypatch):
    monkeypatch.setattr(ceiling, "RECORDED", 3)
    env = ceiling.FreeVecEnv(CarouselVecEnv.of(ceiling.BOREDOM, 2))
    first = env.reset()
    turns = [env.step(np.zeros(2, dtype=np.int64)) for _ in range(6)]
    assert first.shape == turns[0][0].shape == (2, env.observation_space.shape[0])
    for now, later in zip(turns[:3], turns[3:], strict=True):
        assert now is later
    assert not np.array_equal(turns[0][0], turns[1][0])


def test_the_ceiling_is_measured_with_the_same_settings(capsys, monkeypatch):
    monkeypatch.setattr(ceiling, "STEPS", {"ppo": 1})
    monkeypatch.setattr(ceiling, "RECORDED", 3)
    ceiling.main(["--algo", "ppo", "--blocks", "1"])
    (row,) = printed(capsys)
    assert row["at_least"] == 0.9


def test_a_seed_that_never_comes_so_far_costs_all_its_seconds():
    found = [
        {"seconds": 5.0, "steps": 10, "reached": True},
        {"seconds": 60.0, "steps": 99, "reached": False},
    ]
    seconds, share, _ = steps_to_score.rows_of(found)
    assert (seconds["measured"], seconds["highest"]) == (32.5, 60.0)
    assert (share["measured"], share["met"]) == (0.5, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("best", "reached", "points"),
    most_later([(1e-6, True, 3), (1e6, False, 4)], lambda *case: case[1]),
)
def test_training_ends_with_three_good_evaluations_in_a_row(monkeypatch, best, reached, points):
    monkeypatch.setattr(steps_to_score, "POINTS", 4)
    monkeypatch.setattr(steps_to_score, "SESSIONS", 4)
    monkeypatch.setattr(steps_to_score.callback, "CURVE_USERS", 4)
    found = steps_to_score.trained(100, 4 * 10_240, best)
    assert found["reached"] is reached
    assert len(found["curve"]) == points
    assert found["steps"] == found["curve"][0 if reached else -1]["steps"]


def test_a_start_that_fails_says_why(tmp_path):
    (tmp_path / "carousel_envs").mkdir()
    (tmp_path / "carousel_envs" / "__init__.py").write_text("raise OSError('no such luck')")
    with pytest.raises(RuntimeError, match="no such luck"):
        startup.ended(startup.start("Carousel/Boredom-v0", tmp_path, {}))


def test_a_start_is_timed_in_parts():
    spent = {"import gymnasium": 1.0, "gym.make": 2.0, "first reset and step": 0.25}
    rows = startup.rows_of("warm", [{"spent": spent}], {"from gym.make to the first step": 1.0})
    assert [row["measured"] for row in rows] == [1.0, 2.0, 0.25, 2.25]
    assert [row["met"] for row in rows] == [None, None, None, False]


@pytest.mark.slow
def test_shares_of_training_add_up_to_all_of_it(capsys):
    parts.main(["--algo", "ppo", "--steps", "50000"])
    rows = printed(capsys)
    assert sum(row["measured"] for row in rows) == pytest.approx(100.0)
    found = {row["what"]: row["measured"] for row in rows}
    assert found["ppo: torch: backward"] > found.get("ppo: library: callbacks", 0.0)
    assert found.get("ppo: other", 0.0) < 5.0


def test_references(capsys):
    references.main(["--env", "Boredom", "--axis", "swap-cost", "--workers", "1"])
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("Boredom swap-cost ") and "gap 0.0" in line for line in lines)
    assert last.startswith("Boredom: 5 populations in ")
