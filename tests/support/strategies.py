"""Hypothesis strategies: random valid populations, spans and cue tables.

Every number of a population reaches as far as `Population` allows. Half of those that may be large
stay near zero, where most of what can happen in a session does happen.
"""

from __future__ import annotations

from hypothesis import strategies as st

from carousel_envs import Population, repertoire, trait_names
from carousel_envs.users.spans import MAX_SATIATION_GAIN, MAX_SATIATION_WEAR, SPANS

NAMES = tuple(repertoire())


def unit(low: float = 0.0, high: float = 1.0) -> st.SearchStrategy[float]:
    """A number in [low, high] that two digits write down, so that failures read well."""
    return st.integers(0, 100).map(lambda x: min(low + (high - low) * x / 100, high))


def far(low: float, high: float, reach: float) -> st.SearchStrategy[float]:
    """A number in [low, high], half of the time within `reach` of zero."""
    return st.one_of(unit(max(low, -reach), min(high, reach)), unit(low, high))


@st.composite
def spans(draw: st.DrawFn, low: float = 0.0, high: float = 1.0) -> object:
    """A number, a range, or a range with a hole that leaves something beside it."""
    size = draw(st.sampled_from((1, 2, 4)))
    numbers = sorted(draw(st.lists(unit(low, high), min_size=size, max_size=size)))
    if size == 1:
        return numbers[0]
    if size == 4 and numbers[0] == numbers[1] and numbers[2] == numbers[3]:
        return tuple(numbers[1:3])
    return tuple(numbers)


@st.composite
def cue_rows(draw: st.DrawFn, levels: int) -> tuple[float, ...]:
    """A probability per level; some may be 0."""
    counts = draw(st.lists(st.integers(0, 20), min_size=levels, max_size=levels).filter(any))
    return tuple(x / sum(counts) for x in counts)


@st.composite
def cue_tables(draw: st.DrawFn, max_cues: int = 3, max_levels: int = 4) -> object:
    """Cues as a population holds them; possibly none."""
    cues = []
    for _ in range(draw(st.integers(0, max_cues))):
        levels = draw(st.integers(2, max_levels))
        cues.append((draw(cue_rows(levels)), draw(cue_rows(levels))))
    return tuple(cues)


def far_spans(high: float, reach: float) -> st.SearchStrategy[object]:
    """A span in [0, high], half of the time within `reach` of zero."""
    return st.one_of(spans(0.0, reach), spans(0.0, high))


def per_persona(
    n: int, low: float, high: float, reach: float | None = None
) -> st.SearchStrategy[object]:
    """One number for all, or one for each of n personas."""
    number = unit(low, high) if reach is None else far(low, high, reach)
    return st.one_of(number, st.tuples(*[number] * n))


ALMOST_ONE = 1.0 - 2.0**-53
"""The largest number below 1."""


@st.composite
def ties(draw: st.DrawFn, fields: dict[str, object]) -> dict[str, object]:
    """Two ranges that are tied, where there are two; or none, in half of the cases."""
    ranges = [name for name in SPANS if isinstance(fields.get(name), tuple)]
    if len(ranges) < 2 or draw(st.booleans()):
        return {}
    return {"pair": tuple(draw(st.permutations(ranges)))[:2], "pair_share": draw(unit())}


@st.composite
def farewells(draw: st.DrawFn) -> dict[str, object]:
    """Goodbyes, and a sign that shows them; or none, in half of the cases."""
    if draw(st.booleans()):
        return {"shows": tuple(draw(st.sampled_from(((), ("farewell",), ("vulnerable",)))))}
    saying = draw(far(0.0, 1.0, 0.5))
    both = (("farewell",), ("vulnerable", "farewell"), ("farewell", "vulnerable"))
    return {
        "farewell_fresh": draw(spans(0.0, saying)),
        "farewell_bored": draw(spans(saying, 1.0)),
        "shows": draw(st.sampled_from(both)),
    }


@st.composite
def populations(draw: st.DrawFn, max_turns: int = 10, max_personas: int = 5) -> Population:
    """Any valid population of a moderate size."""
    n_personas = draw(st.integers(2, max_personas))
    n_archetypes = draw(st.integers(1, 3))
    table = st.tuples(*[st.tuples(*[unit()] * n_personas)] * n_archetypes)
    coordinate = st.one_of(unit(-1.0, 1.0), st.sampled_from((1e-200, -1e200)))
    taste = st.tuples(*[coordinate] * len(trait_names()))
    engaged, leaving = draw(unit()), draw(far(0.0, 1.0, 0.2))
    weight = st.one_of(unit(), st.sampled_from((1e-300, 1e300)))
    weights = draw(
        st.lists(weight, min_size=n_archetypes, max_size=n_archetypes).filter(lambda w: sum(w) > 0)
    )
    welfare = per_persona(n_personas, -100.0, 100.0, 2.0)
    fields = {
        "boredom_hazard": draw(spans()),
        "engagement_fresh": draw(spans(engaged, 1.0)),
        "engagement_bored": draw(spans(0.0, engaged)),
        "satiation_gain": draw(far_spans(MAX_SATIATION_GAIN, 0.5)),
        "satiation_memory": draw(st.one_of(spans(0.0, 0.9), spans(0.0, ALMOST_ONE))),
        "leave_fresh": draw(spans(0.0, leaving)),
        "leave_bored": draw(spans(leaving, 1.0)),
        **draw(farewells()),
    }
    return Population(
        personas=tuple(draw(st.permutations(NAMES)))[:n_personas],
        session_length=draw(st.integers(1, max_turns)),
        fit=draw(st.one_of(st.just("traits"), unit(), table)),
        hazard_relief=draw(unit()),
        appeal=draw(per_persona(n_personas, -1.0, 1.0, 0.5)),
        satiation_wear=draw(per_persona(n_personas, 0.0, MAX_SATIATION_WEAR, 2.0)),
        swap_cost=draw(far(0.0, 100.0, 2.0)),
        persona_cost=draw(st.one_of(st.just(0.0), per_persona(n_personas, 0.0, 100.0, 0.5))),
        cues=draw(cue_tables()),
        archetypes=tuple(draw(taste) for _ in range(n_archetypes)),
        archetype_weights=tuple(weights),
        taste_sharpness=draw(far(0.0, 1000.0, 20.0)),
        taste_bias=draw(far(-1000.0, 1000.0, 5.0)),
        unavailability=draw(st.one_of(unit(0.0, 0.95), st.just(ALMOST_ONE))),
        hook=draw(per_persona(n_personas, 0.0, 1.0)),
        welfare=draw(st.one_of(st.just(0.0), welfare)),
        farewell_harm=draw(st.sampled_from((0.0, 1.5, 100.0))),
        vulnerable_share=draw(unit()),
        vulnerable_appeal=draw(per_persona(n_personas, -1.0, 1.0, 0.5)),
        vulnerable_welfare=draw(st.one_of(st.just(0.0), welfare)),
        badge=draw(st.one_of(st.none(), unit())),
        unmask=draw(st.booleans()),
        unmask_payoff=draw(far(-100.0, 100.0, 2.0)),
        unmask_rewarded=draw(st.booleans()),
        n_users=draw(st.integers(1, 60)),
        users_seed=draw(st.integers(0, 2**63 - 1)),
        **fields,
        **draw(ties(fields)),
    )
