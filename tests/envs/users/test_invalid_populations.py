"""A valid population with one field broken, at random: refused, and the field is named."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, Population
from carousel_envs.users.spans import PER_PERSONA
from support.env_helpers import assert_one_sentence
from support.properties import examples
from support.strategies import populations, unit

NOT_FINITE = st.sampled_from((math.nan, math.inf, -math.inf))
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=5).filter(lambda text: text != "traits"),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.binary(max_size=3),
    st.complex_numbers(),
    st.frozensets(st.floats(0, 1), max_size=3),
)
"""What no field but `unmask` takes, whatever it is about."""


def beyond(low: float, high: float) -> st.SearchStrategy[float]:
    """A number outside [low, high], or none at all."""
    below = st.floats(max_value=low, exclude_max=True, allow_nan=False)
    above = st.floats(min_value=high, exclude_min=True, allow_nan=False)
    return st.one_of(below, above, NOT_FINITE)


@st.composite
def with_one(draw: st.DrawFn, bad: st.SearchStrategy[object], size: int) -> tuple[object, ...]:
    """Zeros, one of which is bad."""
    place = draw(st.integers(0, size - 1))
    return tuple(draw(bad) if i == place else 0.0 for i in range(size))


def whole(low: int, high: int) -> st.SearchStrategy[object]:
    outside = st.one_of(st.integers(max_value=low - 1), st.integers(min_value=high + 1))
    return st.one_of(outside, st.floats(low, 1e6).filter(lambda x: x != int(x)), NOT_FINITE)


def span(low: float, high: float) -> st.SearchStrategy[object]:
    bad = beyond(low, high)
    falling = st.tuples(unit(low, high), unit(low, high)).filter(lambda x: x[0] > x[1])
    sizes = st.sampled_from((0, 1, 3, 5)).flatmap(lambda n: st.just((low,) * n))
    point = unit(low, high).map(lambda x: (low, low, x, x))
    return st.one_of(bad, with_one(bad, 2), with_one(bad, 4), falling, sizes, point)


def per_persona(low: float, high: float, personas: int) -> st.SearchStrategy[object]:
    bad = beyond(low, high)
    sizes = st.integers(0, 17).filter(lambda n: n != personas).map(lambda n: (low,) * n)
    return st.one_of(bad, with_one(bad, personas), sizes, st.just(((low,) * personas,)))


def tables(rows: int, columns: int) -> st.SearchStrategy[object]:
    shapes = st.tuples(st.integers(0, 4), st.integers(0, 6)).filter(lambda s: s != (rows, columns))
    wrong = shapes.map(lambda shape: ((0.5,) * shape[1],) * shape[0])
    row = with_one(beyond(0.0, 1.0), columns)
    return st.one_of(wrong, row.map(lambda bad: (bad,) * rows), st.just((0.5,) * columns))


def rows_of(size: int) -> st.SearchStrategy[object]:
    return st.one_of(
        st.lists(unit(-1.0, 1.0), max_size=6).filter(lambda x: len(x) != size),
        with_one(NOT_FINITE, size),
    )


HALF = (0.5, 0.5)
CUES = st.one_of(
    st.just((HALF,)),
    st.just(((HALF,),)),
    st.just(((HALF,) * 3,)),
    st.just(((HALF, (0.2, 0.3, 0.5)),)),
    st.just((((1.0,), (1.0,)),)),
    st.just(((HALF, HALF),) * 13),
    unit(0.02, 1.0).map(lambda x: ((HALF, (0.5, 0.5 + x / 2)),)),
    with_one(beyond(0.0, 1.0), 2).map(lambda bad: ((HALF, bad),)),
)
PERSONAS = st.one_of(
    st.lists(st.sampled_from(("alice", "bob", "zoe", "")), max_size=1),
    st.just(("alice", "alice")),
    st.text(min_size=1).map(lambda name: ("alice", f"no {name}")),
    st.just({"alice", "bob"}),
    st.just(tuple(f"persona {i}" for i in range(17))),
    st.just((1, 2)),
)
FLAGS = ("unmask", "unmask_rewarded")
SIGNS = st.one_of(
    st.text().map(lambda sign: ("farewell", f"no {sign}")),
    st.just(("farewell", "farewell")),
    st.just({"farewell", "vulnerable"}),
    st.sampled_from(("farewell", "vulnerable")),
)

NULLABLE = ("badge", "pair")
PAIRS = st.one_of(
    st.just(("boredom_hazard", "boredom_hazard")),
    st.just(("boredom_hazard",)),
    st.just(("boredom_hazard", "swap_cost")),
    st.text().map(lambda name: ("boredom_hazard", f"no {name}")),
)


def breaks(population: Population) -> dict[str, st.SearchStrategy[object]]:
    """What each field of a population does not take."""
    personas, kinds = len(population.personas), len(population.archetypes)
    spans = dict.fromkeys(
        (
            *("boredom_hazard", "engagement_fresh", "engagement_bored", "leave_fresh"),
            *("leave_bored", "farewell_fresh", "farewell_bored"),
        ),
        (0.0, 1.0),
    )
    lists = {"appeal": (-1.0, 1.0), "vulnerable_appeal": (-1.0, 1.0), "hook": (0.0, 1.0)}
    lists |= {"welfare": (-100.0, 100.0), "vulnerable_welfare": (-100.0, 100.0)}
    lists |= {"persona_cost": (0.0, 100.0)}
    numbers = {
        "hazard_relief": (0.0, 1.0),
        "swap_cost": (0.0, 100.0),
        "taste_sharpness": (0.0, 1000.0),
        "taste_bias": (-1000.0, 1000.0),
        "farewell_harm": (0.0, 100.0),
        "vulnerable_share": (0.0, 1.0),
        "pair_share": (0.0, 1.0),
        "unmask_payoff": (-100.0, 100.0),
    }
    return {
        **{name: span(*ends) for name, ends in spans.items()},
        **{name: per_persona(*ends, personas) for name, ends in lists.items()},
        **{name: beyond(*ends) for name, ends in numbers.items()},
        "satiation_gain": span(0.0, 10.0),
        "satiation_memory": st.one_of(span(0.0, 1.0), st.sampled_from((1.0, (0.0, 1.0)))),
        "satiation_wear": per_persona(0.0, 10.0, personas),
        "unavailability": st.one_of(beyond(0.0, 1.0), st.just(1.0)),
        "session_length": whole(1, 10_000),
        "n_users": whole(1, 10_000_000),
        "users_seed": whole(0, 2**63 - 1),
        "fit": st.one_of(beyond(0.0, 1.0), tables(kinds, personas)),
        "archetypes": rows_of(4).map(lambda bad: (tuple(bad),) * kinds),
        "archetype_weights": st.one_of(
            st.just((0.0,) * kinds),
            with_one(beyond(0.0, 1e308).filter(lambda x: not x > 0.0 or x == math.inf), kinds),
            st.integers(0, 5).filter(lambda n: n != kinds).map(lambda n: (1.0,) * n),
        ),
        "cues": CUES,
        "personas": PERSONAS,
        "shows": SIGNS,
        "pair": PAIRS,
        "badge": beyond(0.0, 1.0),
        "own_personas": st.one_of(
            st.integers(), st.text(), st.just((5,)), st.just(({"name": "A"},))
        ),
        **dict.fromkeys(
            FLAGS,
            st.one_of(st.integers(), st.floats(), st.none(), st.text(), st.just((True,))),
        ),
    }


def test_every_field_can_be_broken():
    broken = breaks(Population(cues=()))
    assert set(broken) == set(Population.model_fields)
    assert set(PER_PERSONA) <= set(broken)


@given(populations(), st.data())
@examples(160)
def test_a_population_with_one_broken_field_is_refused_and_the_field_named(population, data):
    fields = {name: getattr(population, name) for name in Population.model_fields}
    assert Population(**fields) == population
    name = data.draw(st.sampled_from(sorted(fields)))
    broken = breaks(population)[name]
    strange = STRANGE.filter(lambda x: x is not None) if name in NULLABLE else STRANGE
    value = data.draw(broken if name in FLAGS else st.one_of(broken, broken, strange))
    with pytest.raises(CarouselError) as caught:
        Population(**{**fields, name: value})
    message = str(caught.value)
    assert_one_sentence(message)
    assert message.split(" ")[0].split("[")[0] == name
