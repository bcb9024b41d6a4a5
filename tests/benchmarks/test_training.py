"""The script that times training: every algorithm has its peer, and a row says what was timed."""

import json
from dataclasses import replace
from functools import partial

import pytest

import training as script
from carousel_agents.learning.algorithms.record import core_algorithms


def test_every_algorithm_has_its_peer():
    assert tuple(script.CONTESTS) == core_algorithms()
    names = [contest.library.__name__.lower() for contest in script.CONTESTS.values()]
    assert names == [name.replace("-", "") for name in core_algorithms()]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["maskable-ppo", "dqn"])
def test_a_row_holds_medians_and_their_spread(monkeypatch, capsys, algorithm):
    contest = script.CONTESTS[algorithm]
    quick = {"n_steps": 8, "batch_size": 8} if contest.masked else {"learning_starts": 10}
    small = replace(contest, library=partial(contest.library, **quick), steps=500, peer_steps=100)
    monkeypatch.setitem(script.CONTESTS, algorithm, small)
    script.main(["--algo", algorithm, "--blocks", "3"])
    told = capsys.readouterr()
    document = json.loads(told.out)
    (row,) = document["rows"]
    assert (row["algorithm"], row["blocks"]) == (algorithm, 3)
    assert row["ours_lowest"] <= row["ours"] <= row["ours_highest"]
    assert row["peer_lowest"] <= row["peer"] <= row["peer_highest"]
    assert row["ratio_lowest"] <= row["ratio"] <= row["ratio_highest"]
    assert row["measured"] == row["ratio"]
    assert told.err.splitlines() == [f"{algorithm}, block {i} of 3" for i in (1, 2, 3)]


@pytest.mark.parametrize("arguments", [["--algo", "sarsa"], ["--blocks", "0"]])
def test_wrong_usage_exits_with_two(arguments):
    with pytest.raises(SystemExit) as ended:
        script.main(arguments)
    assert ended.value.code == 2
