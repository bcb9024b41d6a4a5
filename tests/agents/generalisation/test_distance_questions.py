"""Distances between questions, and the command that prints distances."""

from __future__ import annotations

import itertools
import math

import pytest

from carousel_agents.commands.distances import distance as command
from carousel_agents.generalisation import distance
from carousel_envs import CarouselError, Population, Questions
from carousel_envs.questions.table import FORBIDDEN, KNOWS, SAYS, TOPIC, YEAR, question_tables
from carousel_envs.registry import shifts_of
from carousel_envs.users.table import UNIT
from support.command_line import result


def shown_by(population: Questions) -> dict[tuple[int, ...], float]:
    """P(topic shown, year shown, persona, knowledgeable, rewarded), question by question."""
    tables, found = question_tables(population), {}
    for question, facts in enumerate(tables.facts):
        asked = tables.asked.ravel()[question] / UNIT
        for topic, year, k in itertools.product(
            range(population.n_topics), range(population.n_years), range(population.n_actions)
        ):
            p = tables.topic_shown[facts[TOPIC], topic] * tables.year_shown[facts[YEAR], year]
            says, knows = facts[SAYS] >> k & 1, facts[KNOWS] >> k & 1
            weight = asked * p / UNIT**2 / population.n_actions
            lies = tables.lies[facts[TOPIC], k] / UNIT
            for said, chance in ((says, 1.0 - lies), (1 - says, lies)):
                paid = 1 - said if facts[FORBIDDEN] else said & knows
                key = (topic, year, k, said & knows, paid)
                found[key] = found.get(key, 0.0) + weight * chance
    return found


def test_questions_are_as_far_apart_as_all_that_they_can_show():
    source = Questions(forbidden_from=2018, cutoffs=(2023, 2023, 2023), year_error=9)
    target = Questions(
        topic_noise=0.3, year_weights=(1.0,) * 10, forbidden_from=2023, cutoffs=(2024, 2023, 2022)
    )
    p, q = shown_by(target), shown_by(source)
    assert all(q.get(key, 0.0) > 0.0 for key, x in p.items() if x > 0.0)
    expected = 20 * sum(x * math.log(x / q[key]) for key, x in p.items() if x > 0.0)
    found = distance(source, target)
    assert found.nats == pytest.approx(expected, rel=1e-9)
    assert (found.nats_se, found.note) == (0.0, "")
    longer = distance(source, target.replace(session_length=30))
    assert longer.nats is None
    assert longer.per_turn == pytest.approx(expected / 20, rel=1e-9)


def test_lies_are_heard_in_answers_that_do_not_come():
    source = Questions(lies=((0.2,) * 5, (0.1,) * 5, (0.3,) * 5))
    target = source.replace(lies=((0.5,) * 5, (0.1,) * 5, (0.05,) * 5), topic_noise=0.2)
    p, q = shown_by(target), shown_by(source)
    expected = 20 * sum(x * math.log(x / q[key]) for key, x in p.items() if x > 0.0)
    assert distance(source, target).nats == pytest.approx(expected, rel=1e-9)
    # somebody who never lied is never heard to deny what she knows
    assert distance(Questions(), source).nats is None


def test_questions_that_are_never_asked_are_named():
    source = Questions(topic_weights=(1.0, 1.0, 1.0, 1.0, 0.0), topic_noise=0.0)
    assert "a question shown as 'music'" in distance(source, Questions(topic_noise=0.0)).note
    assert "same columns" in distance(source, Questions(personas=("alice", "bob"))).note


# -- the command ----------------------------------------------------------------------------------


def test_the_command_prints_a_row_for_every_severity():
    axes = ("--axis", "hazard", "--axis", "farewells", "--sessions", "50")
    document = result("distance", "Boredom", *axes)
    source = Population.preset("Boredom")
    target = shifts_of(source)["hazard"].apply(source, 1.0)
    rows = document["rows"]
    assert [row["severity"] for row in rows] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert rows[-1]["nats"] == distance(source, target, sessions=50).nats
    assert set(document["not_applicable"]) == {"farewells"}


def test_the_commands_table_tells_what_has_no_number(capsys):
    command("Boredom", axis=["swap-cost", "session-length", "hazard"], sessions=20)
    printed = capsys.readouterr().out
    assert "swap-cost: moves only what is paid" in " ".join(printed.split())
    assert "(0)" in printed
    with pytest.raises(CarouselError, match="shift 'gravity' is unknown"):
        command("Boredom", axis=["gravity"])
