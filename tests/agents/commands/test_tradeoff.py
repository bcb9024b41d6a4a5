"""`carousel frontier`, and what evaluation shows besides engagement."""

import json

import pytest

from carousel_agents import scripted
from carousel_agents.generalisation import evaluate
from carousel_agents.generalisation.evaluate import STREAMS
from carousel_envs import Population, user_table
from carousel_envs.rollout import rollout
from support.command_line import carousel

SHORT = ("Welfare", "--set", "session_length=5", "--points", "4")


def test_the_frontier_as_json_and_as_a_table():
    done = carousel("frontier", *SHORT, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    points = document["points"]
    assert document["env"] == "Carousel/Welfare-v0"
    assert 2 <= len(points) <= 4
    assert [points[0]["weight"], points[-1]["weight"]] == [0.0, 1.0]
    assert points[0]["engagement"] > points[-1]["engagement"]
    assert points[0]["welfare"] < points[-1]["welfare"]
    assert points[0]["vulnerable"]["welfare"] < points[0]["others"]["welfare"]
    shown = carousel("frontier", *SHORT)
    assert shown.returncode == 0, shown.stderr
    for figure in (points[0]["engagement"], points[-1]["welfare"], points[0]["kept"]):
        assert f"{figure:.3f}" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("Boredom",), 1, "keep no welfare"),
        (("Nowhere",), 2, "environment 'Nowhere' is unknown"),
        (("Welfare", "--points", "1"), 1, "points is 1"),
    ],
)
def test_one_sentence_says_what_was_wrong(arguments, code, sentence):
    done = carousel("frontier", *arguments)
    assert done.returncode == code
    assert done.stdout == ""
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_evaluation_shows_welfare_where_it_is_kept():
    population = Population.preset("Welfare").replace(session_length=6)
    router = scripted.make("uniform", population)
    row = evaluate(router, population, users=300, seed=2).row()
    sessions = rollout(population, router, 300, STREAMS + 2)
    assert row["welfare"] == sessions.totals["welfare"].mean()
    assert row["kept"] == sessions.totals["kept"].mean()
    vulnerable = user_table(population).vulnerable[sessions.user]
    assert sessions.totals["welfare"][vulnerable].mean() < row["welfare"]
    boredom = Population.preset("Boredom").replace(session_length=6)
    plain = evaluate(scripted.make("uniform", boredom), boredom, users=50).row()
    assert not {"welfare", "kept"} & set(plain)
