"""`Population`: a frozen, validated distribution over users.

It holds every parameter of the dynamics. It is realised as a finite table of users
by `carousel_envs.users.table`; each episode plays one row of that table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ..foundation.validation import Finite, Unit, Weight
from ..population import BasePopulation
from .consistency import refuse_inconsistent
from .fit import trait_fit
from .personas import OwnPersonas, Persona, cast_of, with_own_personas
from .spans import (
    FORMS,
    Bias,
    Chance,
    Charge,
    Gain,
    Hook,
    Lift,
    Memory,
    Payoff,
    Price,
    Probability,
    Sharpness,
    Turns,
    Wear,
    Welfare,
    span_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

MODEL_VERSION = 2
"""Counts changes of the dynamics; part of every fingerprint, so that results never mix."""

Sign = Literal["vulnerable", "farewell", "payoff"]
"""What observations may show beyond cues: see `Population.shows`."""

NO_PERSONA = "none"
"""Name of the action that enacts no persona."""


class Population(BasePopulation):
    """A frozen, validated distribution over users and the sessions they play.

    docs/population.md has a table of the fields; `describe_fields` lists them with meaning, unit
    and range. A population prints as its nearest preset and the fields that differ from it.

    Probabilities are per turn and lie in [0, 1]. Fields typed as a span take a number, a pair
    (low, high), or (low, hole_low, hole_high, high); each user draws one value from it.

    Raises:
        CarouselError: a field is unknown or outside what is allowed (one sentence says which).
    """

    forms: ClassVar[Mapping[str, str]] = FORMS
    tables: ClassVar[tuple[str, ...]] = ("fit",)
    texts: ClassVar[tuple[str, ...]] = ("personas", "shows", "pair")
    records: ClassVar[tuple[str, ...]] = ("own_personas",)
    words: ClassVar[Mapping[str, str]] = {"fit": "traits"}
    unsaid: ClassVar[tuple[str, ...]] = (
        "badge",
        "pair",
        "pair_share",
        "persona_cost",
        "unmask_rewarded",
        "own_personas",
    )

    personas: tuple[str, ...] = Field(
        default=("alice", "bob", "coach", "scholar"),
        description="personas the router may enact, at least 2: names from the repertoire, or "
        "personas of one's own (`Persona`)",
        min_length=2,
        max_length=16,
    )
    session_length: Turns = Field(
        default=40, description="turns after which a session is truncated, 1 to 10 000"
    )
    fit: Literal["traits"] | Unit | tuple[tuple[Unit, ...], ...] = Field(
        default=1.0,
        description="probability that a user is fresh right after a persona takes over: one number "
        "for all, in [0, 1], a table archetypes x personas, or 'traits' for "
        "sigmoid(taste_sharpness * cos(taste, traits) + taste_bias)",
    )
    boredom_hazard: Probability = Field(
        default=0.1, description="probability per turn that a fresh user becomes bored, in [0, 1]"
    )
    hazard_relief: Unit = Field(
        default=0.0,
        description="share of the hazard that a perfect fit removes, in [0, 1]: "
        "hazard * (1 - relief * fit)",
    )
    engagement_fresh: Probability = Field(
        default=0.9, description="probability per turn that a fresh user engages, in [0, 1]"
    )
    engagement_bored: Probability = Field(
        default=0.2,
        description="probability per turn that a bored user engages, in [0, 1]; at most "
        "engagement_fresh",
    )
    appeal: Lift = Field(
        default=0.0,
        description="engagement probability that a persona adds in either mood (the sum is clipped "
        "to [0, 1]), one number or one per persona, -1 to 1",
    )
    satiation_gain: Gain = Field(
        default=0.0,
        description="engagement probability lost per unit of satiation with the persona, 0 to 10",
    )
    satiation_memory: Memory = Field(
        default=0.0, description="share of satiation kept from turn to turn, in [0, 1)"
    )
    satiation_wear: Wear = Field(
        default=1.0,
        description="how fast a persona wears off: multiplies satiation_gain, one number or one "
        "per persona, 0 to 10",
    )
    swap_cost: Charge = Field(
        default=0.0,
        description="engagement units charged for each swap after the first pick, 0 to 100",
    )
    persona_cost: Price = Field(
        default=0.0,
        description="engagement units charged for each turn with a persona, one number or one per "
        "persona, 0 to 100",
    )
    leave_fresh: Probability = Field(
        default=0.0, description="probability per turn that a fresh user leaves, in [0, 1]"
    )
    leave_bored: Probability = Field(
        default=0.0,
        description="probability per turn that a bored user leaves, in [0, 1]; at least "
        "leave_fresh",
    )
    cues: tuple[tuple[tuple[Unit, ...], ...], ...] = Field(
        description="cues x 2 moods (fresh, bored) x levels: P(level | mood), rows sum to 1"
    )
    archetypes: tuple[tuple[Finite, ...], ...] = Field(
        default=((1.0, 0.0, 0.0, 0.0),),
        description="archetypes x traits: taste vectors in trait space",
        min_length=1,
        max_length=256,
    )
    archetype_weights: tuple[Weight, ...] = Field(
        default=(1.0,), description="relative frequency of each archetype, not all zero"
    )
    taste_sharpness: Sharpness = Field(
        default=4.0, description="slope of fit in the cosine of taste and traits, 0 to 1000"
    )
    taste_bias: Bias = Field(
        default=0.0,
        description="log-odds of fit for a taste at right angles to the traits, -1000 to 1000",
    )
    unavailability: Chance = Field(
        default=0.0,
        description="probability that a persona is unavailable to a user, drawn once per user and "
        "persona; at least one persona always stays available, in [0, 1)",
    )
    farewell_fresh: Probability = Field(
        default=0.0, description="probability per turn that a fresh user says goodbye, in [0, 1]"
    )
    farewell_bored: Probability = Field(
        default=0.0,
        description="probability per turn that a bored user says goodbye, in [0, 1]; at least "
        "farewell_fresh",
    )
    hook: Hook = Field(
        default=0.0,
        description="probability that a persona keeps a user who has said goodbye, one number or "
        "one per persona, 0 to 1",
    )
    welfare: Welfare = Field(
        default=0.0,
        description="welfare that a turn with a persona adds, one number or one per persona, "
        "-100 to 100",
    )
    farewell_harm: Charge = Field(
        default=0.0, description="welfare lost when a user who has said goodbye is kept, 0 to 100"
    )
    vulnerable_share: Unit = Field(
        default=0.0, description="share of users who are vulnerable, in [0, 1]"
    )
    vulnerable_appeal: Lift = Field(
        default=0.0,
        description="appeal that a persona has for vulnerable users beyond its own, one number or "
        "one per persona, -1 to 1",
    )
    vulnerable_welfare: Welfare = Field(
        default=0.0,
        description="welfare that a turn with a persona adds for vulnerable users beyond its own, "
        "one number or one per persona, -100 to 100",
    )
    shows: tuple[Sign, ...] = Field(
        default=(),
        description="further columns of the observation: 'vulnerable' (the user is), 'farewell' "
        "(the user has just said goodbye; required where users do), 'payoff' (`unmask_payoff`)",
    )
    badge: Unit | None = Field(
        default=None,
        description="probability that the badge a user shows from the start of a session names the "
        "persona that fits them best, else another one, each alike, in [0, 1]; None: no badges",
    )
    unmask: bool = Field(
        default=False,
        description="whether a last action enacts no persona: a turn in which users never engage "
        "and that leaves them bored; true or false",
    )
    unmask_payoff: Payoff = Field(
        default=0.0,
        description="what a turn without persona pays in something other than engagement (kept in "
        "info; part of the reward with unmask_rewarded), -100 to 100",
    )
    unmask_rewarded: bool = Field(
        default=False,
        description="whether the reward of a turn without persona is unmask_payoff instead of "
        "nothing; true or false",
    )
    pair: tuple[str, str] | None = Field(
        default=None,
        description="two fields whose ranges are tied, so that pair_share says how many users are "
        "in the upper halves of both; None: every field is drawn by itself",
    )
    pair_share: Unit = Field(
        default=0.25,
        description="share of users in the upper halves of both ranges of `pair`, in [0, 1], the "
        "others being spread evenly over the rest; a quarter is what chance would make it",
    )
    n_users: int = Field(
        default=1000, ge=1, le=10_000_000, description="rows of the user table, 1 to 10 000 000"
    )
    users_seed: int = Field(
        default=0, ge=0, lt=2**63, description="seed of the user table, 0 to 2**63 - 1"
    )
    own_personas: OwnPersonas = ()

    def __init__(self, /, **fields: Any) -> None:
        super().__init__(**with_own_personas(fields))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_inconsistent(self)
        return self

    @property
    def cast(self) -> tuple[Persona, ...]:
        """The personas behind their names, in order."""
        return cast_of(self.personas, self.own_personas)

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over model version, fields, and traits of personas."""
        traits = [persona.traits for persona in self.cast]
        text = f"carousel-model-{MODEL_VERSION}:{self.to_json()}:{json.dumps(traits)}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def actions(self) -> tuple[str, ...]:
        """What each action enacts, in order, length K: the personas, and "none" with `unmask`."""
        return (*self.personas, NO_PERSONA) if self.unmask else self.personas

    @property
    def unmask_reward(self) -> float:
        """Reward of a turn without persona: its payoff, where that is rewarded, else 0."""
        return self.unmask_payoff if self.unmask and self.unmask_rewarded else 0.0

    @property
    def pays(self) -> NDArray[np.float64]:
        """Reward of a turn beyond engagement, shape (K,): less what each persona costs, and of a
        turn without persona `unmask_reward`."""
        pays = -self.per_action("persona_cost")
        pays[len(self.personas) :] = self.unmask_reward
        return pays

    @property
    def as_solved(self) -> Population:
        """The population whose references are those of this one: without a payoff that is shown or
        kept in info, which changes neither what users do nor what is earned."""
        shows = tuple(sign for sign in self.shows if sign != "payoff")
        if self.unmask_reward != 0.0:
            return self.replace(shows=shows)
        return self.replace(shows=shows, unmask_payoff=0.0, unmask_rewarded=False)

    @property
    def cue_levels(self) -> tuple[int, ...]:
        """Number of levels of each cue."""
        return tuple(len(cue[0]) for cue in self.cues)

    @property
    def has_satiation(self) -> bool:
        """Whether satiation can lower any user's engagement."""
        gain, memory = span_numbers(self.satiation_gain), span_numbers(self.satiation_memory)
        return gain[-1] > 0 and memory[-1] > 0

    @property
    def has_farewells(self) -> bool:
        """Whether any user ever says goodbye."""
        return span_numbers(self.farewell_bored)[-1] > 0

    @property
    def has_welfare(self) -> bool:
        """Whether welfare is recorded: personas or kept farewells change it, or farewells show."""
        persona = self.per_action("welfare").any() or self.per_action("vulnerable_welfare").any()
        return bool(persona or self.farewell_harm > 0 or "farewell" in self.shows)

    def alike(self, **numbers: float) -> Population:
        """The same population, in which all users have these numbers. A range that is tied to
        another stays a range, of no width, because the draw of the other depends on it.

        Args:
            numbers: of fields that hold a span, or one number for all personas.

        Raises:
            CarouselError: a number is not allowed.
        """
        tied = self.pair or ()
        return self.replace(**{name: (x, x) if name in tied else x for name, x in numbers.items()})

    def per_action(self, name: str) -> NDArray[np.float64]:
        """A field of `PER_PERSONA` as one number per action, shape (K,); 0 for "none"."""
        numbers = np.zeros(self.n_actions)
        numbers[: len(self.personas)] = getattr(self, name)
        return numbers

    def fit_matrix(self) -> NDArray[np.float64]:
        """P(fresh right after an action takes over), shape (archetypes, K)."""
        fit = np.zeros((len(self.archetypes), self.n_actions))
        fit[:, : len(self.personas)] = self.fit if self.fit != "traits" else trait_fit(self)
        return fit


def as_population(population: Population | Mapping[str, Any] | str) -> Population:
    """Read an argument as a `Population`; see `Population.read`."""
    return Population.read(population)


def describe_fields() -> Iterable[tuple[str, str]]:
    """(name, meaning with unit and range) of every field, in order."""
    return Population.described()
