"""The table of users: what each row holds and which draws it depends on."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselEnv, user_table
from carousel_envs.reference.model import Model
from carousel_envs.users import table as table_module
from carousel_envs.users.spans import span_numbers
from carousel_envs.users.table import UNIT, weighed_users
from support.env_helpers import busy, frequency_fits, plain, within
from support.properties import examples
from support.strategies import populations

ARRAYS = ("rows", "gain", "memory", "archetype")
MANY = 40_000

SPANS = {
    "boredom_hazard": lambda t: t.hazard[:, 0],
    "engagement_fresh": lambda t: t.engagement[:, 0, 0],
    "engagement_bored": lambda t: t.engagement[:, 0, 1],
    "leave_fresh": lambda t: t.leave[:, 0],
    "leave_bored": lambda t: t.leave[:, 1],
    "farewell_fresh": lambda t: t.farewell[:, 0],
    "farewell_bored": lambda t: t.farewell[:, 1],
    "satiation_gain": lambda t: t.gain[:, 0],
    "satiation_memory": lambda t: t.memory,
}


def spread(**changes):
    """A population in which every quantity of a user is drawn from a range of its own."""
    fields = {
        "fit": 1.0,
        "boredom_hazard": (0.1, 0.9),
        "engagement_fresh": (0.6, 1.0),
        "engagement_bored": (0.0, 0.6),
        "leave_fresh": (0.0, 0.3),
        "leave_bored": (0.3, 0.8),
        "satiation_gain": (0.1, 2.0),
        "satiation_memory": (0.1, 0.9),
        "farewell_fresh": (0.1, 0.4),
        "farewell_bored": (0.4, 0.9),
        "shows": ("farewell",),
        "n_users": MANY,
    }
    return plain(**{**fields, **changes})


@given(populations(), st.integers(1, 30))
@examples(50)
def test_a_longer_table_begins_with_the_shorter_one(population, more):
    short = user_table(population)
    long = user_table(population.replace(n_users=population.n_users + more))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(long, name)[: len(short)], getattr(short, name))


def test_another_seed_gives_other_users():
    one, other = user_table(spread(users_seed=0)), user_table(spread(users_seed=1))
    assert np.abs(np.corrcoef(one.hazard[:, 0], other.hazard[:, 0])[0, 1]) < 5 / np.sqrt(MANY)


@given(populations())
@examples(50)
def test_rows_hold_what_the_population_says(population):
    table = user_table(population)
    assert len(table) == population.n_users
    exact = population.fit_matrix()[table.archetype]
    counts = np.rint(exact * UNIT)
    counts[counts == UNIT - 1] = UNIT  # a count that the rows have no room for
    np.testing.assert_array_equal(table.fit, counts / UNIT)
    bare = user_table(population.replace(appeal=0.0, vulnerable_appeal=0.0, satiation_wear=1.0))
    for name, of in SPANS.items():
        if name == "boredom_hazard":
            continue
        numbers, values = span_numbers(getattr(population, name)), of(bare)
        step = 0.51 / UNIT
        assert (values >= numbers[0] - step).all()
        assert (values <= numbers[-1] + step).all()
        if len(numbers) == 4:
            assert not ((values > numbers[1] + step) & (values < numbers[2] - step)).any()
    weights = np.array(population.archetype_weights)
    assert (weights[table.archetype] > 0).all()
    assert table.available.any(axis=1).all()


@given(populations())
@examples(50)
def test_appeal_and_wear_are_those_of_the_persona_and_of_the_user(population):
    table, n = user_table(population), len(population.personas)
    bare = user_table(population.replace(appeal=0.0, vulnerable_appeal=0.0, satiation_wear=1.0))
    own, more = (population.per_action(name) for name in ("appeal", "vulnerable_appeal"))
    lift = own + table.vulnerable[:, None] * more
    expected = np.clip(bare.engagement + lift[:, :, None], 0.0, 1.0)
    np.testing.assert_allclose(table.engagement[:, :n], expected[:, :n], atol=1.01 / UNIT)
    wear = population.per_action("satiation_wear")[:n]
    np.testing.assert_allclose(table.gain[:, :n], bare.gain[:, :n] * wear, rtol=1e-12)
    for array in (table.engagement, table.gain, table.fit):
        assert (array[:, n:] == 0.0).all(), "an action that enacts no persona engages nobody"
    assert table.available[:, n:].all()


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_users_are_vulnerable_as_often_as_said(share):
    table = user_table(busy(vulnerable_share=share, n_users=MANY))
    assert frequency_fits(table.vulnerable.sum(), MANY, share)
    more = user_table(busy(vulnerable_share=min(share + 0.1, 1.0), n_users=MANY))
    assert (table.vulnerable <= more.vulnerable).all(), "a higher share only adds users"


@pytest.mark.parametrize("archetypes", [1, 3])
def test_a_table_of_fits_is_read_by_archetype_and_persona(archetypes):
    fit = tuple(tuple((i + 1 + 3 * k) / 20 for k in range(3)) for i in range(archetypes))
    tastes = tuple((1.0, float(i), 0.0, 0.0) for i in range(archetypes))
    population = plain(
        fit=fit, archetypes=tastes, archetype_weights=(1.0,) * archetypes, n_users=60, unmask=True
    )
    table = user_table(population)
    assert len(np.unique(table.archetype)) == archetypes
    expected = np.array(fit)[table.archetype]
    np.testing.assert_allclose(table.fit[:, :3], expected, atol=0.51 / UNIT)
    assert (table.fit[:, 3] == 0.0).all()


@given(populations())
@examples(50)
def test_a_fit_relieves_the_hazard_of_its_persona(population):
    table = user_table(population)
    bare = user_table(population.replace(hazard_relief=0.0))
    fit = population.fit_matrix()[table.archetype]
    expected = bare.hazard * (1.0 - population.hazard_relief * fit)
    np.testing.assert_allclose(table.hazard, expected, atol=1.01 / UNIT)
    assert (bare.hazard == bare.hazard[:, :1]).all(), "without relief all personas are alike"


@pytest.mark.parametrize("name", SPANS)
def test_a_range_is_filled_uniformly(name):
    population = spread()
    low, high = span_numbers(getattr(population, name))
    values = SPANS[name](user_table(population))
    share = (values - low) / (high - low)
    assert within(share, 0.5)
    assert within(share**2, 1 / 3)


@pytest.mark.parametrize("name", ["boredom_hazard", "satiation_gain"])
def test_both_sides_of_a_hole_are_filled_in_proportion(name):
    values = SPANS[name](user_table(spread(**{name: (0.1, 0.2, 0.5, 0.8)})))
    below, above = values[values <= 0.35], values[values > 0.35]
    assert below.max() <= 0.2 + 1 / UNIT
    assert above.min() >= 0.5 - 1 / UNIT
    assert frequency_fits(len(below), MANY, 0.25)
    assert within(below, 0.15, 5)
    assert within(above, 0.65, 5)


@pytest.mark.parametrize("name", SPANS)
def test_moving_one_range_moves_one_quantity_and_keeps_every_users_place_in_it(name):
    population = spread(n_users=500)
    low, high = span_numbers(getattr(population, name))
    narrow = (low + 0.05, high - 0.05)
    one, other = user_table(population), user_table(population.replace(**{name: narrow}))
    for field, of in SPANS.items():
        if field != name:
            np.testing.assert_array_equal(of(one), of(other))
    place = (SPANS[name](one) - low) / (high - low)
    again = (SPANS[name](other) - narrow[0]) / (narrow[1] - narrow[0])
    np.testing.assert_allclose(place, again, atol=3e-4)
    np.testing.assert_array_equal(one.archetype, other.archetype)


def test_quantities_of_a_user_are_drawn_independently():
    table = user_table(spread(archetypes=((1.0, 0, 0, 0),) * 2, archetype_weights=(0.5, 0.5)))
    drawn = np.column_stack([of(table) for of in SPANS.values()] + [table.archetype])
    correlations = np.corrcoef(drawn.T)[~np.eye(drawn.shape[1], dtype=bool)]
    assert np.abs(correlations).max() < 5 / np.sqrt(MANY)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.6, 0.3, 0.1), (5.0, 0.0, 15.0), (0.0, 2.0)])
def test_archetypes_appear_in_proportion_to_their_weights(weights):
    tastes = tuple((1.0, float(i), 0.0, 0.0) for i in range(len(weights)))
    table = user_table(plain(archetypes=tastes, archetype_weights=weights, n_users=MANY))
    counts = np.bincount(table.archetype, minlength=len(weights))
    for count, weight in zip(counts, weights, strict=True):
        assert frequency_fits(count, MANY, weight / sum(weights))


@pytest.mark.parametrize("unavailability", [0.0, 0.3, 0.7, 0.95])
def test_personas_are_missing_as_often_as_said_but_never_all(unavailability):
    table = user_table(busy(unavailability=unavailability, n_users=MANY))
    k = table.n_actions
    expected = (1.0 - unavailability) + unavailability**k / k
    for count in table.available.sum(axis=0):
        assert frequency_fits(count, MANY, expected)
    assert (table.available.sum(axis=1) >= 1).all()


def test_a_higher_unavailability_only_takes_personas_away():
    tables = [user_table(busy(unavailability=u, n_users=2000)) for u in np.linspace(0, 0.99, 12)]
    for less, more in pairwise(tables):
        assert (more.available <= less.available).all()
    assert tables[0].available.all()


def test_the_table_is_read_only_and_shared():
    table = user_table(busy())
    for name in ARRAYS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(table, name)[0] = 0
    assert user_table(busy()) is table


def test_the_fingerprint_is_that_of_the_content():
    table = user_table(busy())
    assert table.fingerprint == user_table(busy(session_length=5, swap_cost=0.9)).fingerprint
    assert table.take(np.arange(len(table))).fingerprint == table.fingerprint
    changes = {
        "users_seed": 8,
        "n_users": 41,
        "boredom_hazard": 0.1,
        "satiation_gain": 0.1,
        "satiation_memory": 0.5,
        "unavailability": 0.9,
        "archetype_weights": (0.1, 0.9),
        "appeal": (0.0, 0.0, 0.0, 0.01),
        "satiation_wear": (1.2, 1.2, 1.2, 1.3),
        "vulnerable_share": 0.9,
        "farewell_bored": 0.2,
        "unmask": True,
    }
    prints = {user_table(busy(**{name: value})).fingerprint for name, value in changes.items()}
    assert len(prints | {table.fingerprint}) == len(changes) + 1


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("many", "chunk"), [(100, 64), (1, 500), (499, 3)])
def test_of_a_very_long_table_those_that_differ_are_weighed(monkeypatch, many, chunk):
    population = plain(
        fit="traits",
        archetypes=((1.0, 0, 0, 0), (0, 1.0, 0, 0)),
        archetype_weights=(0.7, 0.3),
        unavailability=0.5,
        vulnerable_share=0.2,
        n_users=500,
    )
    table, model = user_table(population), Model.of(population)
    alone, ones = weighed_users(population)
    assert alone is table
    assert (ones == 1).all()
    monkeypatch.setattr(table_module, "MANY", many)
    monkeypatch.setattr(table_module, "_CHUNK", chunk)
    some, counts = weighed_users(population)
    _, first, number = np.unique(table.rows, axis=0, return_index=True, return_counts=True)
    np.testing.assert_array_equal(some.rows, table.rows[np.sort(first)])
    np.testing.assert_array_equal(counts, number[np.argsort(first)])
    for field in dataclasses.fields(Model):
        value, again = getattr(model, field.name), getattr(Model.of(population), field.name)
        np.testing.assert_allclose(again, value, rtol=1e-12, err_msg=field.name)


def test_take_keeps_the_order_that_it_is_given():
    table = user_table(busy())
    part = table.take(np.array([3, 0, 3]))
    assert len(part) == 3
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(part, name), getattr(table, name)[[3, 0, 3]])


@given(populations())
@examples(50)
def test_the_kernel_reads_what_the_rows_say(population):
    table = user_table(population)
    halves = table.by_action[:, :-1].view(np.uint16).astype(np.int64)
    halves[halves == UNIT - 1] = UNIT
    k = table.n_actions
    fit, hazard, fresh, bored = halves[:, : 4 * k].reshape(-1, k, 4).transpose(2, 0, 1)
    rows = np.hstack([fit, hazard, fresh, bored, halves[:, 4 * k :], table.by_action[:, -1:]])
    np.testing.assert_array_equal(rows, table.rows)


def test_what_is_almost_certain_is_certain():
    nearly = (UNIT - 1) / UNIT
    table = user_table(plain(fit=nearly, engagement_fresh=nearly, leave_bored=nearly))
    assert table.fit.min() == table.engagement[..., 0].min() == table.leave[:, 1].min() == 1.0
    below = (UNIT - 2) / UNIT
    assert user_table(plain(fit=below)).fit.max() == below


NO_EFFECT = {
    "satiation that is never kept": {"satiation_gain": (0.1, 0.5), "satiation_memory": 0.0},
    "memory of no satiation": {"satiation_gain": 0.0, "satiation_memory": (0.1, 0.9)},
    "how the bored leave where nobody is bored": {
        "fit": 1.0,
        "boredom_hazard": 0.0,
        "leave_bored": (0.1, 0.5),
    },
    "engagement of the bored where nobody is bored": {
        "fit": 1.0,
        "boredom_hazard": 0.0,
        "engagement_bored": (0.1, 0.5),
    },
    "hazard of a persona with whom nobody is fresh": {"fit": 0.0, "boredom_hazard": (0.1, 0.5)},
}


@pytest.mark.parametrize("case", NO_EFFECT)
def test_what_no_session_can_bring_out_makes_no_difference(case):
    population = plain(n_users=50, **NO_EFFECT[case])
    table = user_table(population)
    assert len(np.unique(table.felt(), axis=0)) == 1
    drawn = np.column_stack([table.rows, table.gain, table.memory])
    assert len(np.unique(drawn, axis=0)) > 40, "the draws differ"
    # and so it is in play: everybody reacts alike to the same luck
    told = []
    for user in (0, 1, 2):
        env = CarouselEnv(population=population)
        env.reset(seed=3, options={"user": user})
        steps = [env.step(t % population.n_actions) for t in range(6)]
        told.append([(seen.tolist(), reward) for seen, reward, *_ in steps])
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize(
    "changes",
    [
        {"boredom_hazard": (0.1, 0.5)},
        {"engagement_bored": (0.1, 0.5), "boredom_hazard": 0.1},
        {"satiation_gain": (0.1, 0.5), "satiation_memory": 0.5},
        {"satiation_gain": 0.3, "satiation_memory": (0.1, 0.9)},
        {"leave_bored": (0.1, 0.5), "boredom_hazard": 0.1},
    ],
)
def test_what_a_session_brings_out_makes_one(changes):
    felt = user_table(plain(n_users=50, **changes)).felt()
    assert len(np.unique(felt, axis=0)) > 40
