"""Distances between populations: enumerated, in closed form, and where there is none."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carousel_agents.commands.distances import distance as command
from carousel_agents.generalisation import Distance, distance, session_terms
from carousel_agents.generalisation.session_terms import context_nats
from carousel_envs import CarouselError, Population, Questions, user_table
from carousel_envs.cues import cue_table
from carousel_envs.recall.tables import FORBIDDEN, KNOWS, SAYS, TOPIC, YEAR, question_tables
from carousel_envs.reference import Filter
from carousel_envs.reference.model import Model
from carousel_envs.registry import any_population, names, shifts_of
from carousel_envs.users import UNIT

ZERO = Distance(0.0, 0.0, 0.0, 0.0, "")


def bare(**changes: object) -> Population:
    """One kind of user, fresh for ever, who engages half of the time and shows no cues."""
    fields = {
        "personas": ("alice", "bob"),
        "session_length": 1,
        "fit": 1.0,
        "boredom_hazard": 0.0,
        "engagement_fresh": 0.5,
        "engagement_bored": 0.0,
        "cues": (),
        "n_users": 8,
    }
    return Population(**{**fields, **changes})


def bernoulli(p: float, q: float) -> float:
    """Relative entropy of one biased coin from another, with the probabilities of the tables."""
    p, q = round(p * UNIT) / UNIT, round(q * UNIT) / UNIT
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


# -- known answers --------------------------------------------------------------------------------


def test_turns_that_are_alike_add_up():
    found = distance(bare(session_length=7), bare(session_length=7, engagement_fresh=0.8))
    assert found.nats == pytest.approx(7 * bernoulli(0.8, 0.5), rel=1e-12)
    assert found.per_turn == pytest.approx(bernoulli(0.8, 0.5), rel=1e-12)
    assert found.nats_se == pytest.approx(0.0, abs=1e-12)
    assert found.note == ""


def test_leaving_is_shown_and_ends_what_is_compared():
    source, target = (bare(session_length=400, leave_fresh=x, leave_bored=x) for x in (0.1, 0.25))
    found = distance(source, target, sessions=4000)
    # a session of the target lasts 4 turns, and every one is a toss of its coin
    assert abs(found.nats - 4 * bernoulli(0.25, 0.1)) < 4 * found.nats_se
    assert found.per_turn == pytest.approx(bernoulli(0.25, 0.1), rel=1e-9)


def test_who_is_available_counts_where_both_have_seen_it():
    source, target = (bare(unavailability=x, n_users=400) for x in (0.2, 0.5))
    shares = []
    for population in (source, target):
        rows = user_table(population).available @ np.array([1, 2])
        shares.append(np.bincount(rows, minlength=4)[1:] / 400)
    expected = (shares[1] * np.log(shares[1] / shares[0])).sum()
    found = distance(source, target, sessions=20)
    assert expected > 0.05
    assert found.nats == pytest.approx(expected, rel=1e-12)
    assert context_nats(Model.of(source), Model.of(target)) == pytest.approx(expected, rel=1e-12)


# -- against enumeration --------------------------------------------------------------------------


class Book:
    """P(everything shown so far, user, mood), user by user, with what has worn off."""

    def __init__(self, population: Population) -> None:
        self.table, self.cues = user_table(population), cue_table(population).probability
        self.hook = np.rint(population.per_action("hook") * UNIT) / UNIT
        self.start = np.zeros((len(self.table), 2))
        self.start[:, 0] = 1.0 / len(self.table)

    def turn(self, mass, satiation, persona: int, arrives: bool, said: bool):
        """(engaged, symbol, goodbye, left) -> mass of those who show it, before boredom."""
        table = self.table
        if arrives:
            fit = table.fit[:, persona]
            mass = mass.sum(axis=1)[:, None] * np.stack([fit, 1 - fit], axis=1)
        lost = (table.gain * satiation)[:, persona]
        engages = np.maximum(table.engagement[:, persona] - lost[:, None], 0.0)
        kept = self.hook[persona] if said else 1.0
        found = {}
        for shown in itertools.product((0, 1), range(self.cues.shape[1]), (0, 1), (0, 1)):
            engaged, symbol, goodbye, left = shown
            like = kept * (engages if engaged else 1 - engages)
            like = like * (table.farewell if goodbye else 1 - table.farewell)
            like = like * (table.leave if left else 1 - table.leave)
            if left and not engaged and not goodbye:
                like = like + (1 - kept)
            found[shown] = mass * like * self.cues[:, symbol]
        return found

    def after(self, mass, satiation, persona: int):
        """Mass and satiation before the next turn."""
        moved = mass[:, 0] * self.table.hazard[:, persona]
        eaten = np.arange(satiation.shape[1]) == persona
        next_satiation = self.table.memory[:, None] * (satiation + eaten)
        return mass + np.stack([-moved, moved], axis=1), next_satiation


def enumerated(source: Population, target: Population) -> tuple[float, float]:
    """Relative entropy per session, and expected turns, over all sessions there can be."""
    books = Book(target), Book(source)
    k, length = target.n_actions, target.session_length

    def ahead(states, turn: int, current: int, said: bool, chance: float) -> tuple[float, float]:
        nats = turns = 0.0
        for persona in range(k):
            options = [
                book.turn(mass, satiation, persona, persona != current, said)
                for book, (mass, satiation) in zip(books, states, strict=True)
            ]
            for shown, mass in options[0].items():
                p, q = mass.sum(), options[1][shown].sum()
                if p == 0.0:
                    continue
                _, _, goodbye, left = shown
                if left or turn == length:
                    nats += chance / k * p * math.log(p / q)
                    turns += chance / k * p * turn
                    continue
                following = [
                    book.after(option[shown], satiation, persona)
                    for book, option, (_, satiation) in zip(books, options, states, strict=True)
                ]
                found = ahead(following, turn + 1, persona, bool(goodbye), chance / k)
                nats, turns = nats + found[0], turns + found[1]
        return nats, turns

    states = [(book.start, np.zeros((len(book.table), k))) for book in books]
    return ahead(states, 1, -1, False, 1.0)


TINY = Population(
    personas=("alice", "bob"),
    session_length=3,
    fit=((0.9, 0.3), (0.2, 0.8)),
    archetypes=((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0)),
    archetype_weights=(2.0, 1.0),
    boredom_hazard=(0.1, 0.4),
    engagement_fresh=(0.6, 0.9),
    engagement_bored=0.2,
    leave_fresh=0.05,
    leave_bored=0.2,
    cues=(((0.7, 0.3), (0.2, 0.8)),),
    n_users=6,
)
BUSY = TINY.replace(
    satiation_gain=0.2,
    satiation_memory=0.6,
    farewell_fresh=0.1,
    farewell_bored=0.4,
    hook=(0.3, 0.8),
    shows=("farewell",),
)
TWO_CUES = TINY.replace(session_length=2, cues=(((0.7, 0.3), (0.2, 0.8)), ((0.1, 0.9), (0.5, 0.5))))


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        (TINY, {"boredom_hazard": 0.8}),
        (TINY, {"archetype_weights": (1.0, 4.0), "leave_bored": 0.5}),
        (TWO_CUES, {"cues": (TWO_CUES.cues[0][::-1], TWO_CUES.cues[1])}),
        (BUSY, {"farewell_bored": 0.7, "hook": (0.7, 0.1), "satiation_gain": 0.4}),
    ],
    ids=["hazard", "kinds and leaving", "cues", "goodbyes and satiation"],
)
def test_all_sessions_there_can_be_are_what_is_estimated(source: Population, changes):
    target = source.replace(**changes)
    nats, turns = enumerated(source, target)
    found = distance(source, target, sessions=20_000)
    assert nats > 5 * found.nats_se > 0.0
    assert abs(found.nats - nats) < 4 * found.nats_se
    assert abs(found.per_turn - nats / turns) < 4 * found.per_turn_se


# -- against the raw log-ratio --------------------------------------------------------------------


def terms_of(source: Population, target: Population, sessions: int):
    return session_terms.session_terms(
        Filter(source),
        Filter(target),
        target,
        turns=target.session_length,
        sessions=sessions,
        seed=77,
    )


@pytest.mark.parametrize(
    ("name", "axis"),
    [("Taste", "archetype-mix"), ("Welfare", "farewells"), ("Satiation", "cue-reversal")],
)
def test_exact_turns_agree_with_the_raw_log_ratio_and_vary_less(name: str, axis: str):
    source = any_population(name)
    terms = terms_of(source, shifts_of(source)[axis].apply(source, 0.5), 2000)
    apart = terms.nats - terms.log_ratio
    assert abs(apart.mean()) < 4 * apart.std(ddof=1) / math.sqrt(2000)
    assert (terms.nats >= 0.0).all()
    assert terms.nats.std() < 0.8 * terms.log_ratio.std()


# -- every axis -----------------------------------------------------------------------------------

PAID, LONGER, CONTEXT, IMPOSSIBLE = "is paid", "turns: only", "visible contexts", "impossible"
WITHOUT = {
    "swap-cost": PAID,
    "unmask-pays": PAID,
    "session-length": LONGER,
    "unavailable": CONTEXT,
    ("Boredom", "archetype-mix"): IMPOSSIBLE,
    ("Welfare", "archetype-mix"): IMPOSSIBLE,
    ("Satiation", "patience"): IMPOSSIBLE,
    ("Recall", "ignorant-learns"): IMPOSSIBLE,
    ("Recall", "newcomer-knows"): IMPOSSIBLE,
}
"""Axes on which whole sessions cannot be compared, and why."""

EVERY_AXIS = [
    (name, axis)
    for name in names()
    for axis, shift in shifts_of(any_population(name)).items()
    if not shift.obstacle(any_population(name))
]


@pytest.mark.parametrize(("name", "axis"), EVERY_AXIS)
def test_the_distance_is_zero_in_training_and_grows_with_severity(name: str, axis: str):
    source, shift = any_population(name), shifts_of(any_population(name))[axis]
    assert distance(source, shift.apply(source, 0.0)) == ZERO
    targets = [shift.apply(source, severity) for severity in (0.25, 0.5, 0.75, 1.0)]
    why = WITHOUT.get(axis) or WITHOUT.get((name, axis))
    found = [distance(source, target, sessions=20) for target in targets]
    if why:
        assert all(one.nats is None and why in one.note for one in found)
        assert all((one.per_turn is None) == (why in (PAID, IMPOSSIBLE)) for one in found)
        return
    assert all(one.note == "" for one in found)
    if isinstance(source, Questions):
        nats = [0.0, *(one.nats for one in found)]
        assert all(less < more for less, more in itertools.pairwise(nats))
        return
    # common random numbers: the same users with the same luck at every severity
    steps = [np.zeros(100)]
    for target in targets:
        first = context_nats(Model.of(source), Model.of(target))
        steps.append(first + terms_of(source, target, 100).nats)
    for less, more in itertools.pairwise(steps):
        grown = more - less
        assert grown.mean() > 2 * grown.std(ddof=1) / math.sqrt(100)


@pytest.mark.parametrize("name", ["Taste", "Welfare", "Satiation"])
def test_equal_populations_are_exactly_alike_when_played_too(name: str):
    population = any_population(name)
    terms = terms_of(population, population, 50)
    assert not terms.nats.any()
    assert not terms.log_ratio.any()
    assert context_nats(Model.of(population), Model.of(population)) == 0.0


def test_the_same_seed_gives_the_same_figures_and_another_does_not():
    source = Population.preset("Taste")
    target = source.replace(boredom_hazard=0.1)
    first, again = (distance(source, target, sessions=50, seed=3) for _ in range(2))
    assert first == again
    assert distance(source, target, sessions=50, seed=4).nats != first.nats


def test_blocks_that_bound_the_memory_change_nothing(monkeypatch):
    source = Population.preset("Taste").replace(engagement_fresh=(0.7, 0.9), n_users=200)
    target = source.replace(boredom_hazard=0.1)
    whole = distance(source, target, sessions=40)
    assert Model.of(source).n_types == 200
    monkeypatch.setattr(session_terms, "_NUMBERS", 7 * 400)
    assert distance(source, target, sessions=40) == whole


@settings(max_examples=20, deadline=None)
@given(
    numbers=st.lists(st.floats(0.02, 0.98), min_size=14, max_size=14),
    length=st.integers(1, 5),
)
def test_random_populations_are_no_less_than_nothing_apart(numbers: list[float], length: int):
    def users(hazard, fresh, bored, leaves, a, b, share) -> Population:
        return TINY.replace(
            session_length=length,
            boredom_hazard=hazard,
            engagement_fresh=max(fresh, bored),
            engagement_bored=min(fresh, bored),
            leave_bored=max(leaves, TINY.leave_fresh),
            cues=(((a, 1.0 - a), (b, 1.0 - b)),),
            archetype_weights=(share, 1.0 - share),
        )

    source, target = users(*numbers[:7]), users(*numbers[7:])
    found = distance(source, target, sessions=200)
    if found.nats is None:
        # with few users an archetype may have none: then a mood at a turn may be impossible
        assert "impossible" in found.note
        return
    assert found.nats >= 0.0
    assert math.isfinite(found.nats)
    rounding = 1e-12 * found.nats
    assert found.nats / length - rounding <= found.per_turn <= found.nats + rounding
    terms = terms_of(source, target, 200)
    assert terms.log_ratio.mean() > -4 * terms.log_ratio.std(ddof=1) / math.sqrt(200) - 1e-12


# -- where there is no number, or not of everything -----------------------------------------------


def test_a_payment_beside_another_change_is_told_and_left_out():
    both = distance(bare(), bare(engagement_fresh=0.8, swap_cost=1.0), sessions=10)
    alone = distance(bare(), bare(engagement_fresh=0.8), sessions=10)
    assert both.nats == alone.nats > 0.0
    assert "swap_cost" in both.note
    assert alone.note == ""


def test_welfare_of_users_who_look_alike_is_not_shown():
    source = bare(vulnerable_welfare=-1.0, n_users=100)
    found = distance(source, source.replace(vulnerable_share=0.5))
    assert found.nats is None
    assert "vulnerable_share" in found.note


@pytest.mark.parametrize("turns", [3, 12])
def test_of_sessions_of_two_lengths_the_common_turns_are_compared(turns: int):
    source, target = bare(session_length=6), bare(session_length=turns, engagement_fresh=0.8)
    found = distance(source, target, sessions=10)
    assert found.nats is None
    assert found.per_turn == pytest.approx(bernoulli(0.8, 0.5), rel=1e-12)
    assert "6" in found.note
    assert str(turns) in found.note


@pytest.mark.parametrize(
    ("source", "target", "what"),
    [
        (bare(engagement_fresh=1.0), bare(), "does not engage at turn 1"),
        (bare(engagement_fresh=0.0), bare(), "that a user engages at turn 1"),
        (bare(), bare(leave_fresh=0.1, leave_bored=0.1), "that a user leaves"),
        (bare(leave_fresh=1.0, leave_bored=1.0), bare(), "that a user stays"),
        (
            bare(shows=("farewell",)),
            bare(shows=("farewell",), farewell_fresh=0.1, farewell_bored=0.1),
            "says goodbye",
        ),
        (
            bare(cues=(((1.0, 0.0), (0.5, 0.5)),)),
            bare(cues=(((0.5, 0.5), (0.5, 0.5)),)),
            "levels of the cues",
        ),
    ],
)
def test_what_the_source_holds_impossible_is_named(source, target, what: str):
    found = distance(source, target, sessions=50)
    assert found == Distance(None, None, None, None, found.note)
    assert what in found.note


def test_the_other_way_round_what_never_happens_is_merely_unlikely():
    found = distance(bare(), bare(engagement_fresh=1.0), sessions=10)
    assert found.nats == pytest.approx(math.log(2.0), rel=1e-12)


def test_slots_are_compared_in_order_whoever_stands_in_them():
    source = TINY.replace(n_users=200)
    assert distance(source, source.replace(personas=("coach", "scholar"))) == ZERO
    swapped = source.replace(fit=tuple(row[::-1] for row in source.fit))
    assert distance(source, swapped).nats > 0.0


@pytest.mark.parametrize(
    "target",
    [
        bare(personas=("alice", "bob", "coach")),
        bare(unmask=True),
        bare(shows=("vulnerable",)),
        bare(cues=(((0.5, 0.5), (0.5, 0.5)),)),
    ],
)
def test_other_columns_have_no_distance(target: Population):
    assert "same columns" in distance(bare(), target).note
    assert distance(bare(), target).per_turn is None


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (("Boredom", "Recall"), {}, "two populations of one make"),
        (("Boredom", 3), {}, "population is 3"),
        (("Boredom", "Boredom"), {"sessions": 0}, "sessions is 0"),
        (("Boredom", "Boredom"), {"seed": -1}, "seed is -1"),
    ],
)
def test_bad_requests_are_one_sentence(arguments, options, sentence: str):
    with pytest.raises(CarouselError, match=sentence):
        distance(*arguments, **options)


def test_a_single_session_has_no_standard_error():
    found = distance(bare(), bare(engagement_fresh=0.8), sessions=1)
    assert found.nats_se is None
    assert found.per_turn_se is None


# -- questions ------------------------------------------------------------------------------------


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
            paid = 1 - says if facts[FORBIDDEN] else says & knows
            key = (topic, year, k, says & knows, paid)
            weight = asked * p / UNIT**2 / population.n_actions
            found[key] = found.get(key, 0.0) + weight
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


def test_questions_that_are_never_asked_are_named():
    source = Questions(topic_weights=(1.0, 1.0, 1.0, 1.0, 0.0), topic_noise=0.0)
    assert "a question shown as 'music'" in distance(source, Questions(topic_noise=0.0)).note
    assert "same columns" in distance(source, Questions(personas=("alice", "bob"))).note


# -- the command ----------------------------------------------------------------------------------


def test_the_command_prints_a_row_for_every_severity():
    done = subprocess.run(
        [
            *(sys.executable, "-m", "carousel_agents.cli", "distance", "Boredom", "--json"),
            *("--axis", "hazard", "--axis", "farewells", "--sessions", "50"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    document = json.loads(done.stdout)
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
