"""Populations and small drivers that the tests of the environments share."""

from __future__ import annotations

import hashlib

import numpy as np

from carousel_envs import CarouselVectorEnv, Population
from carousel_envs.users.spans import span_numbers
from carousel_envs.users.table import UNIT

CUES = (
    ((0.6, 0.3, 0.1), (0.1, 0.3, 0.6)),
    ((0.7, 0.3), (0.4, 0.6)),
)

EIGHT = ("alice", "bob", "coach", "scholar", "jester", "confidante", "critic", "poet")
"""Personas that random populations draw from: a longer repertoire leaves them as they are."""

TURN_KEYS = ("engagement_mean", "swapped", "refused", "mood")
MORE_TURN_KEYS = ("welfare", "kept", "unmasked", "payoff")
STATE_KEYS = ("action_mask", "user")

BUSY = {
    "personas": ("alice", "bob", "coach", "scholar"),
    "session_length": 12,
    "fit": "traits",
    "boredom_hazard": (0.05, 0.3),
    "hazard_relief": 0.5,
    "engagement_fresh": (0.7, 0.95),
    "engagement_bored": (0.1, 0.4),
    "satiation_gain": (0.05, 0.2),
    "satiation_memory": 0.7,
    "swap_cost": 0.3,
    "leave_fresh": 0.02,
    "leave_bored": (0.05, 0.15),
    "cues": CUES,
    "archetypes": ((0.9, -0.4, 0.3, -0.7), (0.2, 0.9, -0.6, 0.8)),
    "archetype_weights": (0.6, 0.4),
    "taste_sharpness": 3.0,
    "taste_bias": 0.2,
    "unavailability": 0.3,
    "appeal": 0.02,
    "satiation_wear": 1.2,
    "persona_cost": 0.05,
    "farewell_fresh": 0.01,
    "farewell_bored": (0.05, 0.1),
    "hook": 0.4,
    "welfare": 0.3,
    "farewell_harm": 1.0,
    "vulnerable_share": 0.3,
    "vulnerable_appeal": 0.1,
    "vulnerable_welfare": -0.5,
    "shows": ("vulnerable", "farewell"),
    "badge": None,
    "pair": None,
    "pair_share": 0.25,
    "unmask": False,
    "unmask_payoff": 0.5,
    "unmask_rewarded": False,
    "n_users": 40,
    "users_seed": 7,
    "own_personas": (),
}
"""Fields of a population in which everything is on, except the action that enacts no persona."""


NOBODY_LEAVES = {
    "leave_fresh": 0.0,
    "leave_bored": 0.0,
    "farewell_fresh": 0.0,
    "farewell_bored": 0.0,
}
"""Fields under which every session has its full length."""


def busy(**changes: object) -> Population:
    """A population in which everything is on, with some fields changed."""
    return Population(**{**BUSY, **changes})


def plain(**changes: object) -> Population:
    """One kind of user who is always fresh, always engages and never leaves, unless changed."""
    fields = {
        "personas": ("alice", "bob", "coach"),
        "session_length": 10,
        "fit": 1.0,
        "boredom_hazard": 0.0,
        "engagement_fresh": 1.0,
        "engagement_bored": 0.0,
        "cues": CUES,
        "n_users": 10,
    }
    return Population(**{**fields, **changes})


def sticky_actions(seed: int, turns: int, lanes: int, personas: int) -> np.ndarray:
    """Random picks that stay for a few turns at a time, shape (turns, lanes)."""
    rng = np.random.default_rng(seed)
    picks = rng.integers(personas, size=(turns, lanes))
    for t in range(1, turns):
        stays = rng.random(lanes) < 0.6
        picks[t, stays] = picks[t - 1, stays]
    return picks


def turn_keys(info: dict[str, object]) -> tuple[str, ...]:
    """The keys of an info that tell of a turn; some populations have more than others."""
    return TURN_KEYS + tuple(key for key in MORE_TURN_KEYS if key in info)


def digest_of_play(
    population: Population, turns: int = 30, lanes: int = 200, seed: int = 0, n_actions: int = 2
) -> str:
    """SHA-256 over everything that a fixed sequence of actions brings about.

    The actions depend on nothing that a test changes: they are the first `n_actions`, of which
    every population has 2.
    """
    digest = hashlib.sha256()
    env = CarouselVectorEnv(lanes, population=population)
    obs, info = env.reset(seed=seed)
    digest.update(obs.tobytes())
    for actions in sticky_actions(seed, turns, lanes, n_actions):
        obs, reward, terminated, truncated, info = env.step(actions)
        for array in (obs, reward, terminated, truncated, *(info[k] for k in turn_keys(info))):
            digest.update(np.ascontiguousarray(array).tobytes())
        for key in STATE_KEYS:
            digest.update(np.ascontiguousarray(info[key]).tobytes())
    return digest.hexdigest()


def within(samples: np.ndarray, expected: float, errors: float = 5.0) -> bool:
    """Whether the mean of samples lies within some standard errors of what is expected."""
    samples = np.asarray(samples, dtype=np.float64)
    error = samples.std(ddof=1) / np.sqrt(len(samples))
    return bool(abs(samples.mean() - expected) <= errors * error + 1e-9)


def frequency_fits(hits: float, trials: float, probability: float, errors: float = 5.0) -> bool:
    """Whether a count agrees with a probability, within some binomial standard errors."""
    error = np.sqrt(probability * (1.0 - probability) * trials)
    return bool(abs(hits - probability * trials) <= errors * error + 1e-9)


def assert_one_sentence(message: str) -> None:
    """Whether a message of an error reads as one sentence without its full stop."""
    assert message, "an error must say something"
    assert "\n" not in message
    assert not message.endswith((".", " "))
    assert "pydantic" not in message


def drawn_symbols(alias: np.ndarray) -> np.ndarray:
    """The symbol that each of the 65536 draws picks, shape (65536,)."""
    draw = np.arange(UNIT)
    size = UNIT // len(alias)
    column = draw // size
    entry = alias[column]
    return np.where(draw % size < (entry >> 12), column, entry & 4095)


def random_population(seed: int) -> Population:
    """A moderate population with every field drawn at random, some features on and some off."""
    rng = np.random.default_rng(seed)

    def span(low: float, high: float) -> object:
        size = int(rng.choice([1, 1, 2, 4]))
        numbers = np.sort(rng.uniform(low, high, size)).tolist()
        return numbers[0] if size == 1 else tuple(numbers)

    kinds, engaged = int(rng.integers(1, 4)), rng.uniform(0.3, 0.8)
    leaving = rng.uniform(0.0, 0.1)
    sizes = rng.integers(2, 4, size=rng.integers(0, 4)).tolist()
    satiates, gaps = rng.random() < 0.4, rng.random() < 0.3
    names = rng.permutation(EIGHT)[: rng.integers(2, 5)]
    return Population(
        personas=tuple(names.tolist()),
        session_length=int(rng.integers(2, 13)),
        fit="traits" if rng.random() < 0.6 else rng.uniform(),
        boredom_hazard=span(0.0, 0.5),
        hazard_relief=rng.uniform(),
        engagement_fresh=span(engaged, 1.0),
        engagement_bored=span(0.0, engaged),
        satiation_gain=span(0.0, 0.4) if satiates else 0.0,
        satiation_memory=span(0.0, 0.9) if satiates else 0.0,
        swap_cost=float(rng.choice([0.0, rng.uniform(0.0, 1.0)])),
        leave_fresh=span(0.0, leaving),
        leave_bored=span(leaving, 0.5),
        cues=tuple(tuple(map(tuple, rng.dirichlet((1.0,) * n, size=2).tolist())) for n in sizes),
        archetypes=tuple(map(tuple, rng.normal(size=(kinds, 4)).tolist())),
        archetype_weights=tuple(rng.uniform(0.1, 1.0, kinds).tolist()),
        taste_sharpness=rng.uniform(0.0, 8.0),
        taste_bias=rng.uniform(-2.0, 2.0),
        unavailability=rng.uniform(0.1, 0.6) if gaps else 0.0,
        n_users=int(rng.integers(1, 80)),
        users_seed=seed,
    )


def rich_population(seed: int) -> Population:
    """A random population that also has farewells, welfare, vulnerable users or an action that
    enacts no persona, each with even chances."""
    rng = np.random.default_rng((seed, 1))
    base = random_population(seed)
    personas, kinds = len(base.personas), len(base.archetypes)

    def some(low: float, high: float, shape: int | tuple[int, int]) -> object:
        one = rng.random() < 0.3
        numbers = rng.uniform(low, high, shape)
        return float(numbers.flat[0]) if one else tuples(numbers)

    fields: dict[str, object] = {"shows": ()}
    if rng.random() < 0.5:
        fields |= {"fit": some(0.0, 1.0, (kinds, personas)), "appeal": some(-0.3, 0.3, personas)}
    if rng.random() < 0.5:
        saying = rng.uniform(0.0, 0.2)
        fields |= {
            "farewell_fresh": tuples(np.sort(rng.uniform(0.0, saying, 2))),
            "farewell_bored": tuples(np.sort(rng.uniform(saying, 0.5, 2))),
            "hook": some(0.0, 1.0, personas),
            "farewell_harm": rng.uniform(0.0, 2.0),
            "shows": ("farewell",),
        }
    if rng.random() < 0.5:
        fields |= {
            "vulnerable_share": rng.uniform(0.0, 1.0),
            "vulnerable_appeal": some(-0.3, 0.3, personas),
            "vulnerable_welfare": some(-1.0, 1.0, personas),
        }
        if rng.random() < 0.5:
            fields["shows"] = (*fields["shows"], "vulnerable")
    return base.replace(
        **fields,
        satiation_wear=some(0.0, 2.0, personas),
        welfare=some(-1.0, 1.0, personas),
        persona_cost=some(0.0, 0.05, personas) if rng.random() < 0.5 else 0.0,
        unmask=bool(rng.random() < 0.5),
        unmask_payoff=rng.uniform(-1.0, 1.0),
        unmask_rewarded=bool(rng.random() < 0.5),
    )


def tuples(numbers: np.ndarray) -> tuple:
    """An array as nested tuples of numbers."""
    return tuple(tuples(row) if row.ndim else float(row) for row in numbers)


def single_kind(population: Population) -> Population:
    """The population with one kind of user who never tires of anybody; its reference is exact."""
    return population.replace(
        satiation_gain=0.0,
        satiation_memory=0.0,
        archetypes=population.archetypes[:1],
        archetype_weights=(1.0,),
        fit=population.fit[:1] if isinstance(population.fit, tuple) else population.fit,
        vulnerable_appeal=0.0,
        **{
            name: span_numbers(getattr(population, name))[0]
            for name in (
                "boredom_hazard",
                "engagement_fresh",
                "engagement_bored",
                "leave_fresh",
                "leave_bored",
                "farewell_fresh",
                "farewell_bored",
            )
        },
    )
