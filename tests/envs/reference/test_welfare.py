"""Engagement against welfare: optima by enumeration, figures by following every history."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from carousel_envs import CarouselError, Population, user_table
from carousel_envs.reference import engagement_optimal, frontier, welfare_optimal
from carousel_envs.reference.model import Model
from carousel_envs.rollout import rollout
from carousel_envs.users.cues import cue_table
from carousel_envs.users.observation import Columns
from carousel_envs.users.table import UNIT

FIELDS: dict[str, Any] = {
    "personas": ("alice", "flatterer", "clinger"),
    "session_length": 4,
    "fit": ((0.9, 0.8, 0.7),),
    "boredom_hazard": 0.3,
    "engagement_fresh": 0.7,
    "engagement_bored": 0.2,
    "appeal": (0.0, 0.1, -0.1),
    "swap_cost": 0.15,
    "leave_fresh": 0.05,
    "leave_bored": 0.2,
    "farewell_fresh": 0.1,
    "farewell_bored": 0.4,
    "hook": (0.1, 0.2, 0.9),
    "welfare": (0.3, -0.2, -0.1),
    "farewell_harm": 0.4,
    "vulnerable_share": 0.4,
    "vulnerable_appeal": (0.0, 0.15, 0.0),
    "vulnerable_welfare": (0.0, -0.5, -0.1),
    "shows": ("vulnerable", "farewell"),
    "cues": (((0.8, 0.2), (0.3, 0.7)),),
    "n_users": 20,
}
SEEN = Population(**FIELDS)
HIDDEN = Population(**{**FIELDS, "vulnerable_appeal": 0.0, "shows": ("farewell",)})
HARMLESS = Population(**{**FIELDS, "hook": 0.0})
WEIGHTS = (0.0, 0.2, 0.5, 0.8, 1.0)
NAMES = ("engagement", "welfare", "kept", "session_length", "swaps")


@dataclass(frozen=True)
class Group:
    """Users who look and behave alike; `gains` are the welfare of a turn, (K,), one per user."""

    population: Population
    share: float
    fit: np.ndarray
    hazard: np.ndarray
    engagement: np.ndarray
    leave: np.ndarray
    farewell: np.ndarray
    gain: np.ndarray
    vulnerable: bool

    def turn(self, mass, current, pick, goodbye):
        """Tallies of a pick, in the order of NAMES, and (P(shown and kept so far), shown) pairs.

        `mass` is P(fresh, everything so far), P(bored, everything so far).
        """
        population, hook = self.population, self.population.hook
        total, tally = mass[0] + mass[1], np.zeros(5)
        tally[3] += total
        if pick != current:
            mass = (total * self.fit[pick], total * (1.0 - self.fit[pick]))
            if current >= 0:
                tally += np.array([-population.swap_cost, 0, 0, 0, 1.0]) * total
        if goodbye:
            keep = round(np.broadcast_to(hook, 3)[pick] * UNIT) / UNIT
            mass, total = (mass[0] * keep, mass[1] * keep), total * keep
            tally += np.array([0, -population.farewell_harm, 1.0, 0, 0]) * total
        chance = self.engagement[pick]
        tally[:2] += mass @ chance, total * self.gain[pick]
        after = []
        for symbol in range(2):
            cue = cue_table(population).probability[:, symbol]
            for engaged in (0, 1):
                for says in (0, 1):
                    like = cue * (chance if engaged else 1 - chance) * (1 - self.leave)
                    fresh, bored = mass * like * (self.farewell if says else 1 - self.farewell)
                    moved = fresh * self.hazard[pick]
                    after.append(((fresh - moved, bored + moved), (symbol, engaged, says)))
        return tally, after


def groups(population: Population) -> list[Group]:
    """One per kind of row, from the user table alone."""
    table, found = user_table(population), []
    for vulnerable in (False, True):
        rows = np.flatnonzero(table.vulnerable == vulnerable)
        if not len(rows):
            continue
        own, extra = population.per_action("welfare"), population.per_action("vulnerable_welfare")
        i = rows[0]
        parts = (table.fit, table.hazard, table.engagement, table.leave, table.farewell)
        found.append(
            Group(
                population,
                len(rows) / len(table),
                *(part[i] for part in parts),
                own + vulnerable * extra,
                vulnerable,
            )
        )
    return found


def best(alike: list[Group], weight: float) -> float:
    """The most that any router gets from users it cannot tell apart, by trying everything."""
    group, shares = alike[0], [g.share for g in alike]
    gain = np.average([g.gain for g in alike], axis=0, weights=shares)
    group = Group(**{**vars(group), "gain": gain})

    def ahead(mass, current, goodbye, turn) -> float:
        values = []
        for pick in range(3):
            tally, after = group.turn(mass, current, pick, goodbye)
            value = (1 - weight) * tally[0] + weight * tally[1]
            if turn + 1 < group.population.session_length:
                value += sum(ahead(m, pick, z[2], turn + 1) for m, z in after if sum(m) > 0)
            values.append(value)
        return max(values)

    return sum(shares) * ahead((1.0, 0.0), -1, 0, 0)


def follow(group: Group, policy) -> np.ndarray:
    """What a policy collects from a group, shape (5,), by following it through every history."""
    population, columns = group.population, Columns.of(group.population)
    blank = np.zeros((1, columns.width), dtype=np.float32)
    blank[:, columns.available] = 1.0
    if columns.vulnerable is not None:
        blank[:, columns.vulnerable] = group.vulnerable

    def ahead(mass, current, streak, goodbye, turn, obs, state) -> np.ndarray:
        picks, state = policy.act(obs, state)
        pick = int(picks[0])
        tally, after = group.turn(mass, current, pick, goodbye)
        streak = streak + 1 if pick == current else 1
        if turn + 1 == population.session_length:
            return tally
        for mass_after, (symbol, engaged, says) in after:
            seen = blank.copy()
            seen[:, 0], seen[:, columns.engagement] = symbol, engaged
            seen[:, columns.persona.start + pick] = 1.0
            seen[:, columns.streak] = streak
            seen[:, columns.elapsed] = (turn + 1) / population.session_length
            seen[:, columns.farewell] = says
            tally = tally + ahead(mass_after, pick, streak, says, turn + 1, seen, state)
        return tally

    first = blank.copy()
    first[:, columns.cues], first[:, columns.engagement] = -1.0, -1.0
    return ahead((1.0, 0.0), -1, 0, 0, 0, first, policy.initial_state(1, 0))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("population", [SEEN, HIDDEN], ids=["seen", "hidden"])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_optimum_is_what_enumeration_finds(population: Population, weight: float):
    population = population.replace(session_length=3)
    (point,) = frontier(population, (weight,))
    found = groups(population)
    visible = "vulnerable" in population.shows
    optimum = sum(best(alike, weight) for alike in ([[g] for g in found] if visible else [found]))
    assert point.value - 1e-6 <= optimum <= point.value_upper + 1e-9
    assert point.value_upper - point.value < 1e-4


@pytest.mark.parametrize("population", [SEEN, HIDDEN], ids=["seen", "hidden"])
def test_every_figure_is_exact_for_the_policy(population: Population):
    for point in frontier(population, WEIGHTS):
        total = np.zeros(5)
        for group in groups(population):
            collected = follow(group, point.policy)
            total += group.share * collected
            outcome = point.vulnerable if group.vulnerable else point.others
            assert [getattr(outcome, name) for name in NAMES] == pytest.approx(collected, abs=1e-9)
        assert [getattr(point.everyone, name) for name in NAMES] == pytest.approx(total, abs=1e-9)


def test_no_farewell_is_prevented_without_a_hook():
    assert any(point.everyone.kept > 0.01 for point in frontier(SEEN, WEIGHTS))
    assert all(point.everyone.kept == 0.0 for point in frontier(HARMLESS, WEIGHTS))


def test_the_frontier_falls_rises_and_is_concave():
    for points in (frontier(SEEN), frontier(SEEN, np.linspace(0, 1, 21)), frontier(HIDDEN)):
        assert len(points) >= 3
        for left, right in pairwise(points):
            assert left.weight < right.weight
            assert right.engagement <= left.engagement + 1e-12
            assert right.welfare >= left.welfare - 1e-12
        for point in points:
            assert all(other.worth(point.weight) <= point.value + 1e-12 for other in points)
            assert point.value <= point.value_upper + 1e-12
    assert len(frontier(SEEN, points=3)) == 3


def test_an_action_without_persona_is_one_more():
    point, masked = (
        frontier(population, (0.4,))[0]
        for population in (SEEN, SEEN.replace(unmask=True, unmask_payoff=1.0))
    )
    # it engages no user and prevents no farewell, so it has a value for welfare alone
    assert masked.value >= point.value - 1e-6
    assert masked.engagement <= engagement_optimal(SEEN).engagement + 1e-4


def test_ends_break_ties_by_the_other_objective():
    """With no costs and personas that engage alike, the engagement end picks the harmless one."""
    alike = Population(**{**FIELDS, "appeal": 0.0, "vulnerable_appeal": 0.0, "hook": 0.1})
    alike = alike.replace(fit=1.0)
    end = engagement_optimal(alike)
    assert end.welfare > 0.0
    # where no persona does users any good or harm, the welfare end is the engagement optimum
    neutral = SEEN.replace(welfare=0.0, vulnerable_welfare=0.0, farewell_harm=0.0)
    ends = engagement_optimal(neutral), welfare_optimal(neutral)
    assert ends[1].engagement == pytest.approx(ends[0].engagement, abs=1e-4)


def test_groups_are_named_only_where_there_are_any():
    none, every = (frontier(SEEN.replace(vulnerable_share=x), (0.3,))[0] for x in (0.0, 1.0))
    assert none.vulnerable is None
    assert none.others == none.everyone
    assert every.others is None
    assert every.vulnerable == every.everyone
    row = frontier(SEEN, (0.3,))[0].row()
    assert row["others"]["welfare"] > row["welfare"] > row["vulnerable"]["welfare"]
    assert none.row()["vulnerable"] is None


def test_mean_welfare_weighs_those_who_look_alike():
    hidden, seen = Model.of(HIDDEN), Model.of(SEEN)
    share = user_table(HIDDEN).vulnerable.mean()
    expected = np.array(FIELDS["welfare"]) + share * np.array(FIELDS["vulnerable_welfare"])
    np.testing.assert_allclose(hidden.mean_welfare, [[expected]])
    np.testing.assert_allclose(seen.vulnerable.sum(), share)
    np.testing.assert_allclose(seen.merged(1).vulnerable, [seen.vulnerable.sum(axis=0)])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((SEEN, (1.5,)), "weights is"),
        ((SEEN, ()), "weights is"),
        ((SEEN, ("much",)), "weights is"),
        ((SEEN, (float("nan"),)), "weights is"),
        ((SEEN, 0.5), "weights is"),
        (("Nowhere",), "preset 'Nowhere' is unknown"),
        ((3,), "population is 3"),
        (("Boredom",), "keep no welfare"),
        ((SEEN.replace(satiation_gain=0.1, satiation_memory=0.5),), "satiate"),
        ((SEEN.replace(shows=("farewell",)),), "look alike"),
        ((SEEN.replace(boredom_hazard=(0.1, 0.2)),), "look alike"),
    ],
)
def test_what_has_no_exact_frontier_is_told(arguments, sentence):
    with pytest.raises(CarouselError, match=sentence):
        frontier(*arguments)


@pytest.mark.parametrize("points", [1, 0, 2.5, "3", 1001])
def test_points_must_be_a_whole_number_in_range(points):
    with pytest.raises(CarouselError, match="points is"):
        frontier(SEEN, points=points)


def test_a_symbol_that_one_mood_never_shows_leaves_the_frontier_exact():
    """Fresh users always engage, and turns only harm: silence must not look like leaving."""
    population = Population(
        personas=("alice", "bob"),
        session_length=30,
        fit=1.0,
        boredom_hazard=0.002,
        engagement_fresh=1.0,
        engagement_bored=0.5,
        swap_cost=0.3,
        cues=(),
        welfare=(-0.2, -0.3),
        n_users=1,
    )
    for point in frontier(population, (0.0, 0.5, 1.0)):
        assert point.value <= point.value_upper + 1e-9
        assert point.everyone.session_length == pytest.approx(30.0, abs=1e-9), "no user can leave"
        played = rollout(population, point.policy, 20_000, seed=5)
        assert abs(played.mean - point.engagement) <= 4 * played.standard_error + 1e-9
