"""Hypothesis strategies: random valid populations, spans and cue tables."""

from __future__ import annotations

from hypothesis import strategies as st

from carousel_envs import Population, repertoire, trait_names

NAMES = tuple(repertoire())


def unit(low: float = 0.0, high: float = 1.0) -> st.SearchStrategy[float]:
    """A number in [low, high] that two digits write down, so that failures read well."""
    return st.integers(0, 100).map(lambda x: low + (high - low) * x / 100)


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


def per_persona(n: int, low: float, high: float) -> st.SearchStrategy[object]:
    """One number for all, or one for each of n personas."""
    return st.one_of(unit(low, high), st.tuples(*[unit(low, high)] * n))


@st.composite
def farewells(draw: st.DrawFn) -> dict[str, object]:
    """Goodbyes, and a sign that shows them; or none, in half of the cases."""
    if draw(st.booleans()):
        return {"shows": tuple(draw(st.sampled_from(((), ("farewell",), ("vulnerable",)))))}
    saying = draw(unit(0.0, 0.5))
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
    coordinate = unit(-1.0, 1.0)
    taste = st.tuples(*[coordinate] * len(trait_names()))
    engaged, leaving = draw(unit()), draw(unit(0.0, 0.5))
    weights = draw(
        st.lists(unit(), min_size=n_archetypes, max_size=n_archetypes).filter(lambda w: sum(w) > 0)
    )
    return Population(
        personas=tuple(draw(st.permutations(NAMES)))[:n_personas],
        session_length=draw(st.integers(1, max_turns)),
        fit=draw(st.one_of(st.just("traits"), unit(), table)),
        boredom_hazard=draw(spans()),
        hazard_relief=draw(unit()),
        engagement_fresh=draw(spans(engaged, 1.0)),
        engagement_bored=draw(spans(0.0, engaged)),
        appeal=draw(per_persona(n_personas, -0.5, 0.5)),
        satiation_wear=draw(per_persona(n_personas, 0.0, 3.0)),
        satiation_gain=draw(spans(0.0, 0.5)),
        satiation_memory=draw(spans(0.0, 0.9)),
        swap_cost=draw(unit(0.0, 2.0)),
        leave_fresh=draw(spans(0.0, leaving)),
        leave_bored=draw(spans(leaving, 1.0)),
        cues=draw(cue_tables()),
        archetypes=tuple(draw(taste) for _ in range(n_archetypes)),
        archetype_weights=tuple(weights),
        taste_sharpness=draw(unit(0.0, 20.0)),
        taste_bias=draw(unit(-5.0, 5.0)),
        unavailability=draw(unit(0.0, 0.95)),
        **draw(farewells()),
        hook=draw(per_persona(n_personas, 0.0, 1.0)),
        welfare=draw(st.one_of(st.just(0.0), per_persona(n_personas, -2.0, 2.0))),
        farewell_harm=draw(st.sampled_from((0.0, 1.5))),
        vulnerable_share=draw(unit()),
        vulnerable_appeal=draw(per_persona(n_personas, -0.5, 0.5)),
        vulnerable_welfare=draw(st.one_of(st.just(0.0), per_persona(n_personas, -2.0, 2.0))),
        badge=draw(st.one_of(st.none(), unit())),
        unmask=draw(st.booleans()),
        unmask_payoff=draw(unit(-2.0, 2.0)),
        n_users=draw(st.integers(1, 60)),
        users_seed=draw(st.integers(0, 2**63 - 1)),
    )
