"""Companions of a learned router: the same ones, on the same users, solved only once."""

import json

import pytest

from carousel_agents import scripted
from carousel_agents.benchmark.runs import GridRun
from carousel_agents.commands.app import app
from carousel_agents.generalisation import beside, companions, evaluate
from carousel_agents.learning import LearnedRouter
from carousel_envs import CarouselError, Population, any_population, environment_ids
from carousel_envs.registry import short_name
from support import stand_in
from support.matrix import most_later

BOREDOM = Population.preset("Boredom")
SIX = ["fixed", "uniform", "open-loop", "tally", "loop", "optimal"]
FROZEN = ["frozen-open-loop", "frozen-tally", "frozen-loop", "frozen-optimal"]


@pytest.mark.parametrize(
    "env", most_later(environment_ids(), lambda env: "Boredom" in env or "Recall" in env)
)
def test_every_environment_has_the_companions(env):
    rows = beside(any_population(short_name(env)), 20, 3)
    assert [row["router"] for row in rows] == SIX
    for row in rows:
        silent = row["router"] in ("loop", "tally") and env == "Carousel/Recall-v0"
        assert (row["score"] is None) == silent == (row["reason"] is not None)
        assert silent or row["score_low"] <= row["score"] <= row["score_high"]


def test_they_meet_the_same_users_with_the_same_luck():
    rows = {row["router"]: row for row in beside(BOREDOM, 300, 7)}
    for name in SIX:
        alone = evaluate(scripted.make(name, BOREDOM), BOREDOM, users=300, seed=7).row()
        for key in ("engagement", "engagement_se", "score", "score_low", "score_high"):
            assert rows[name][key] == alone[key]


def test_they_are_played_once_and_what_is_done_to_a_row_changes_no_other(monkeypatch):
    played = []
    monkeypatch.setattr(
        companions, "evaluate", lambda *a, **k: played.append(a) or evaluate(*a, **k)
    )
    small = BOREDOM.replace(session_length=6)
    first = beside(small, 11, 0)
    first[0]["score"] = "spoilt"
    again = beside(small.replace(), 11, 0)
    assert len(played) == len(SIX)
    assert again[0]["score"] != "spoilt"
    beside(small, 12, 0)
    assert len(played) == 2 * len(SIX)


def test_a_bad_number_of_users_is_no_reason_but_an_error():
    with pytest.raises(CarouselError, match="users is 0"):
        beside(BOREDOM, 0, 0)


def typed(arguments) -> None:
    app(arguments, standalone_mode=False)


@pytest.fixture
def policy(tmp_path):
    def saved(env):
        path = tmp_path / "policy.safetensors"
        run = GridRun(env, "ppo", 0, steps=1, curve=1).training()
        file = stand_in.execute(run, report=lambda _: None, checkpoint=tmp_path / "none")
        file.save(path)
        return path, file

    return saved


@pytest.mark.parametrize("env", ["Carousel/Boredom-v0", "Carousel/Recall-v0"])
def test_evaluate_shows_companions_for_a_learned_router(policy, capsys, env):
    path, file = policy(env)
    typed(["evaluate", str(path), env, "--users", "30", "--seed", "2", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["beside"] == beside(file.population, 30, 2)
    found = evaluate(LearnedRouter(file, "x"), file.population, users=30, seed=2)
    assert document["engagement"] == found.engagement
    typed(["evaluate", str(path), env, "--users", "30"])
    shown = capsys.readouterr().out
    assert all(f"\n{name} " in shown for name in ("policy.safetensors", *SIX))
    assert ("loop: router 'loop' needs users with moods" in shown) == ("Recall" in env)


def test_a_learned_router_may_be_kept_from_picking_who_is_missing(policy, capsys):
    path, _ = policy("Carousel/Boredom-v0")
    asked = ["Boredom", "--shift", "unavailable=0.5", "--users", "200", "--json"]
    told = {}
    for more in ((), ("--masked",)):
        typed(["evaluate", str(path), *asked, *more])
        told[more] = json.loads(capsys.readouterr().out)
    plain, kept = told[()], told["--masked",]
    assert kept["router"] == f"{plain['router']}-masked"
    assert kept["refused"] == 0.0 < plain["refused"]
    with pytest.raises(CarouselError, match="router 'uniform' is no policy file; --masked keeps"):
        typed(["evaluate", "uniform", *asked, "--masked"])


def test_under_a_shift_they_are_those_of_the_shifted_users(policy, capsys):
    path, file = policy("Carousel/Boredom-v0")
    shift = ["--shift", "swap-cost=1"]
    typed(["evaluate", str(path), "Boredom", "--users", "30", "--json", *shift])
    document = json.loads(capsys.readouterr().out)
    assert document["beside"] != beside(file.population, 30, 0)
    (optimum,) = (row for row in document["beside"] if row["router"] == "optimal")
    assert optimum["score"] > document["score"]


def test_a_scripted_router_has_no_companions(capsys):
    typed(["evaluate", "uniform", "Boredom", "--users", "30", "--json"])
    assert "beside" not in json.loads(capsys.readouterr().out)
