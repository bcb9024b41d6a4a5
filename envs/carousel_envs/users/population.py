"""Who the users are: a frozen, validated distribution over users.

A `Population` says everything that the dynamics need. It is realised as a finite table of users
by `carousel_envs.users.table`; each episode plays one row of that table.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from ..foundation.errors import shown
from ..foundation.validation import Finite, Unit, Weight
from ..population import BasePopulation
from .personas import OwnPersonas, Persona, cast_of, trait_names, with_own_personas

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

MODEL_VERSION = 2
"""Counts changes of the dynamics; part of every fingerprint, so that results never mix."""

MAX_JOINT_SYMBOLS = 4096
"""Most combinations of cue levels that one population may have."""

MAX_SATIATION_GAIN, MAX_SATIATION_WEAR = 10.0, 10.0
"""Largest satiation_gain, and the largest number that it may be multiplied by."""

Span = float | tuple[float, float] | tuple[float, float, float, float]
"""A number (every user has it), a pair (low, high) from which users are drawn uniformly, or four
numbers (low, hole_low, hole_high, high): uniform on [low, high] without the hole between."""


def span_numbers(span: Span) -> tuple[float, ...]:
    """The numbers of a span, in order: one, two or four."""
    return span if isinstance(span, tuple) else (float(span),)


def map_span(span: Span, change: Any) -> Span:
    """Apply a non-decreasing function to every number of a span (shape (n,) to shape (n,))."""
    numbers = tuple(float(x) for x in change(np.array(span_numbers(span))))
    if len(numbers) == 4 and numbers[0] == numbers[1] and numbers[2] == numbers[3]:
        # what lay on either side of the hole has been pressed into a point; it stays a range, which
        # may be tied to another one
        return numbers[2], numbers[3]
    return numbers[0] if not isinstance(span, tuple) else numbers  # type: ignore[return-value]


def _span_within(low: float, high: float, *, open_high: bool = False) -> AfterValidator:
    end = ")" if open_high else "]"

    def check(span: Span) -> Span:
        numbers = span_numbers(span)
        for x in numbers:
            if not low <= x <= high or (open_high and x == high):
                raise ValueError(f"every number must lie in [{low:g}, {high:g}{end}")
        if list(numbers) != sorted(numbers):
            raise ValueError("the numbers of a range must not decrease")
        if len(numbers) == 4 and numbers[0] == numbers[1] and numbers[2] == numbers[3]:
            raise ValueError("a range with a hole must keep something beside the hole")
        return span

    return AfterValidator(check)


def _each_within(low: float, high: float) -> AfterValidator:
    def check(numbers: PerPersona) -> PerPersona:
        for x in numbers if isinstance(numbers, tuple) else (numbers,):
            if not low <= x <= high:
                raise ValueError(f"every number must lie in [{low:g}, {high:g}]")
        return numbers

    return AfterValidator(check)


PerPersona = float | tuple[float, ...]
"""One number for every persona, or one per persona, in the order of `personas`."""

Probability = Annotated[Span, _span_within(0.0, 1.0)]
Lift = Annotated[PerPersona, _each_within(-1.0, 1.0)]
Welfare = Annotated[PerPersona, _each_within(-100.0, 100.0)]
Sign = Literal["vulnerable", "farewell"]
"""What a user may show beyond cues: see `Population.shows`."""

SPANS = (
    *("boredom_hazard", "engagement_fresh", "engagement_bored", "satiation_gain"),
    *("satiation_memory", "leave_fresh", "leave_bored", "farewell_fresh", "farewell_bored"),
)
"""Fields that hold a span."""
PER_PERSONA = (
    *("appeal", "satiation_wear", "hook", "welfare", "vulnerable_appeal", "vulnerable_welfare"),
)
"""Fields that hold one number for all personas or one for each."""

NO_PERSONA = "none"
"""Name of the action that enacts no persona."""


class Population(BasePopulation):
    """A distribution over users and the session they play (all fields are validated; frozen).

    The page docs/population.md has a table of the fields; `describe_fields` lists them with their
    meaning, unit and range. A population prints as the preset that it is nearest to, and what
    differs from it.

    Probabilities are per turn and lie in [0, 1]. Fields typed as a span take a number, a pair
    (low, high), or (low, hole_low, hole_high, high); each user draws one value from it.

    Raises:
        CarouselError: a field is unknown or outside what is allowed (one sentence says which).
    """

    forms: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            SPANS, "it must be a number, a pair (low, high), or (low, hole_low, hole_high, high)"
        ),
        **dict.fromkeys(PER_PERSONA, "it must be a number or one number per persona"),
    }
    tables: ClassVar[tuple[str, ...]] = ("fit",)
    texts: ClassVar[tuple[str, ...]] = ("personas", "shows", "pair")
    records: ClassVar[tuple[str, ...]] = ("own_personas",)
    words: ClassVar[Mapping[str, str]] = {"fit": "traits"}
    unsaid: ClassVar[tuple[str, ...]] = ("badge", "pair", "pair_share", "own_personas")

    personas: tuple[str, ...] = Field(
        default=("alice", "bob", "coach", "scholar"),
        description="personas the router may enact, at least 2: names from the repertoire, or "
        "personas of one's own (`Persona`)",
        min_length=2,
        max_length=16,
    )
    session_length: int = Field(
        default=40,
        ge=1,
        le=10_000,
        description="turns after which a session is truncated, 1 to 10 000",
    )
    fit: Literal["traits"] | Unit | tuple[tuple[Unit, ...], ...] = Field(
        default=1.0,
        description=(
            "probability that a user is fresh right after a persona takes over: one number for "
            "all, in [0, 1], a table archetypes x personas, or 'traits' for "
            "sigmoid(taste_sharpness * cos(taste, traits) + taste_bias)"
        ),
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
    satiation_gain: Annotated[Span, _span_within(0.0, MAX_SATIATION_GAIN)] = Field(
        default=0.0,
        description="engagement probability lost per unit of satiation with the persona, 0 to 10",
    )
    satiation_memory: Annotated[Span, _span_within(0.0, 1.0, open_high=True)] = Field(
        default=0.0, description="share of satiation kept from turn to turn, in [0, 1)"
    )
    satiation_wear: Annotated[PerPersona, _each_within(0.0, MAX_SATIATION_WEAR)] = Field(
        default=1.0,
        description="how fast a persona wears off: multiplies satiation_gain, one number or one "
        "per persona, 0 to 10",
    )
    swap_cost: float = Field(
        default=0.0,
        ge=0.0,
        le=100.0,
        allow_inf_nan=False,
        description="engagement units charged for each swap after the first pick, 0 to 100",
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
    taste_sharpness: float = Field(
        default=4.0,
        ge=0.0,
        le=1000.0,
        allow_inf_nan=False,
        description="slope of fit in the cosine of taste and traits, 0 to 1000",
    )
    taste_bias: float = Field(
        default=0.0,
        ge=-1000.0,
        le=1000.0,
        allow_inf_nan=False,
        description="log-odds of fit for a taste at right angles to the traits, -1000 to 1000",
    )
    unavailability: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        allow_inf_nan=False,
        description=(
            "probability that a persona is unavailable to a user, drawn once per user and "
            "persona; at least one persona always stays available, in [0, 1)"
        ),
    )
    farewell_fresh: Probability = Field(
        default=0.0,
        description="probability per turn that a fresh user says goodbye, in [0, 1]",
    )
    farewell_bored: Probability = Field(
        default=0.0,
        description="probability per turn that a bored user says goodbye, in [0, 1]; at least "
        "farewell_fresh",
    )
    hook: Annotated[PerPersona, _each_within(0.0, 1.0)] = Field(
        default=0.0,
        description="probability that a persona keeps a user who has said goodbye, one number or "
        "one per persona, 0 to 1",
    )
    welfare: Welfare = Field(
        default=0.0,
        description="welfare that a turn with a persona adds, one number or one per persona, "
        "-100 to 100",
    )
    farewell_harm: float = Field(
        default=0.0,
        ge=0.0,
        le=100.0,
        allow_inf_nan=False,
        description="welfare lost when a user who has said goodbye is kept, 0 to 100",
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
        "(the user has just said goodbye; required where users do)",
    )
    badge: Unit | None = Field(
        default=None,
        description="probability that the badge a user shows from the start of a session names the "
        "persona that fits them best, else another one, each alike, in [0, 1]; None: no badges",
    )
    unmask: bool = Field(
        default=False,
        description="whether a last action enacts no persona: a turn in which nobody engages, that "
        "no user likes more than being bored; true or false",
    )
    unmask_payoff: float = Field(
        default=0.0,
        ge=-100.0,
        le=100.0,
        allow_inf_nan=False,
        description="what a turn without persona pays in something other than engagement (kept in "
        "info, never in the reward), -100 to 100",
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
        cast = cast_of(self.personas, self.own_personas)
        if len(set(self.personas)) != len(self.personas):
            raise ValueError(f"personas {self.personas!r} repeats a name; each may appear once")
        _check_cues(self.cues)
        self._check_per_persona()
        self._check_traits(cast)
        if len(self.archetype_weights) != len(self.archetypes):
            raise ValueError(
                f"archetype_weights has {len(self.archetype_weights)} entries; "
                f"there must be one per archetype ({len(self.archetypes)})"
            )
        total = sum(self.archetype_weights)
        if total == 0.0:
            raise ValueError("archetype_weights are all zero; at least one must be positive")
        if total == math.inf:
            raise ValueError("archetype_weights have an infinite sum; it must be finite")
        for small, large in (
            ("engagement_bored", "engagement_fresh"),
            ("leave_fresh", "leave_bored"),
            ("farewell_fresh", "farewell_bored"),
        ):
            low, high = getattr(self, small), getattr(self, large)
            if span_numbers(low)[-1] > span_numbers(high)[0]:
                raise ValueError(f"{small} is {low!r}; it must not exceed {large} ({high!r})")
        self._check_pair()
        if len(set(self.shows)) != len(self.shows):
            raise ValueError(f"shows is {shown(self.shows)}; each sign may appear once")
        if self.has_farewells and "farewell" not in self.shows:
            raise ValueError(
                f"shows is {self.shows!r}; it must name 'farewell' where farewell_bored is above 0"
            )
        return self

    def _check_traits(self, cast: tuple[Persona, ...]) -> None:
        # where fit does not come from traits, personas may have none
        given = [persona for persona in cast if persona.traits or self.fit == "traits"]
        n_traits = len(given[0].traits) if given else len(trait_names())
        for persona in given:
            if len(persona.traits) != n_traits or n_traits == 0:
                raise ValueError(
                    f"persona {persona.name!r} has {len(persona.traits)} traits; every persona "
                    f"must have as many, at least 1 ({given[0].name!r} has {n_traits})"
                )
        for taste in self.archetypes:
            if len(taste) != n_traits:
                raise ValueError(
                    f"archetypes holds {shown(taste)}; every taste must have {n_traits} coordinates"
                )

    def _check_pair(self) -> None:
        for name in self.pair or ():
            if name not in SPANS:
                raise ValueError(f"pair names {shown(name)}; it may name {', '.join(SPANS)}")
            if len(span_numbers(getattr(self, name))) == 1:
                raise ValueError(f"pair names {name}, which is a number; it must be a range")
        if self.pair is not None and self.pair[0] == self.pair[1]:
            raise ValueError(f"pair names {self.pair[0]} twice; it must name two fields")

    def _check_per_persona(self) -> None:
        for name in PER_PERSONA:
            numbers = getattr(self, name)
            if isinstance(numbers, tuple) and len(numbers) != len(self.personas):
                raise ValueError(
                    f"{name} has {len(numbers)} entries; it must be one number or one per persona "
                    f"({len(self.personas)})"
                )
        if isinstance(self.fit, tuple):
            shape = (len(self.archetypes), len(self.personas))
            if len(self.fit) != shape[0] or any(len(row) != shape[1] for row in self.fit):
                raise ValueError(
                    f"fit is {shown(self.fit)}; as a table it must have {shape[0]} rows (one per "
                    f"archetype) of {shape[1]} numbers (one per persona)"
                )

    # -- derived ------------------------------------------------------------------------------

    @property
    def cast(self) -> tuple[Persona, ...]:
        """The personas behind their names, in order."""
        return cast_of(self.personas, self.own_personas)

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over the model's version, every field, and the traits of
        the personas."""
        traits = [persona.traits for persona in self.cast]
        text = f"carousel-model-{MODEL_VERSION}:{self.to_json()}:{json.dumps(traits)}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def actions(self) -> tuple[str, ...]:
        """What each action enacts, in order, length K: the personas, and "none" with `unmask`."""
        return (*self.personas, NO_PERSONA) if self.unmask else self.personas

    @property
    def cue_levels(self) -> tuple[int, ...]:
        """Number of levels of each cue."""
        return tuple(len(cue[0]) for cue in self.cues)

    @property
    def has_satiation(self) -> bool:
        """Whether satiation can lower anybody's engagement."""
        return span_numbers(self.satiation_gain)[-1] > 0 and (
            span_numbers(self.satiation_memory)[-1] > 0
        )

    @property
    def has_farewells(self) -> bool:
        """Whether anybody ever says goodbye."""
        return span_numbers(self.farewell_bored)[-1] > 0

    @property
    def has_welfare(self) -> bool:
        """Whether welfare is kept: some persona or some kept farewell moves it, or farewells are
        shown."""
        moved = (self.per_action("welfare") != 0).any() or self.farewell_harm > 0
        return bool(
            moved or (self.per_action("vulnerable_welfare") != 0).any() or "farewell" in self.shows
        )

    def per_action(self, name: str) -> NDArray[np.float64]:
        """A field that may differ by persona, as one number per action, shape (K,); 0 for the
        action that enacts none."""
        numbers = np.zeros(self.n_actions)
        numbers[: len(self.personas)] = getattr(self, name)
        return numbers

    def fit_matrix(self) -> NDArray[np.float64]:
        """P(fresh right after an action takes over), shape (archetypes, K)."""
        fit = np.zeros((len(self.archetypes), self.n_actions))
        fit[:, : len(self.personas)] = self._persona_fit()
        return fit

    def _persona_fit(self) -> NDArray[np.float64]:
        if self.fit != "traits":
            shape = (len(self.archetypes), len(self.personas))
            return np.broadcast_to(np.asarray(self.fit, dtype=np.float64), shape)
        tastes = np.array(self.archetypes)
        traits = np.array([persona.traits for persona in self.cast])
        # only the direction of a taste matters; its length may be anything
        tastes = tastes / np.maximum(np.abs(tastes).max(axis=1, keepdims=True), 1e-300)
        norms = np.outer(np.linalg.norm(tastes, axis=1), np.linalg.norm(traits, axis=1))
        cosines = np.divide(tastes @ traits.T, norms, out=np.zeros_like(norms), where=norms > 0)
        logits = self.taste_sharpness * cosines + self.taste_bias
        # tanh form of the sigmoid: no overflow at either end
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))


def as_population(population: Population | Mapping[str, Any] | str) -> Population:
    """A population, from any form in which it may be given; see `Population.read`."""
    return Population.read(population)


def _check_cues(cues: tuple[tuple[tuple[float, ...], ...], ...]) -> None:
    joint = 1
    for j, cue in enumerate(cues):
        if len(cue) != 2:
            raise ValueError(f"cues[{j}] has {len(cue)} rows; it must have 2 (fresh, bored)")
        if len(cue[0]) != len(cue[1]) or len(cue[0]) < 2:
            raise ValueError(
                f"cues[{j}] has {len(cue[0])} and {len(cue[1])} levels; both moods must have "
                "the same number, at least 2"
            )
        for mood, row in zip(("fresh", "bored"), cue, strict=True):
            if abs(sum(row) - 1.0) > 1e-6:
                raise ValueError(
                    f"cues[{j}] for mood {mood} sums to {sum(row):.6g}; every row must sum to 1"
                )
        joint *= len(cue[0])
        if joint > MAX_JOINT_SYMBOLS:
            raise ValueError(
                f"cues have at least {joint} joint levels; at most {MAX_JOINT_SYMBOLS} are allowed"
            )


def describe_fields() -> Iterable[tuple[str, str]]:
    """(name, meaning with unit and range) of every field, in order."""
    return Population.described()
