"""`Carousel/Satiation-v0`: rotation and rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..spec import EnvironmentSpec, register
from ..users.environment import CarouselEnv
from ..users.vector import CarouselVectorEnv
from .of_users import HUMAN_CUES, USERS

if TYPE_CHECKING:
    from collections.abc import Mapping

SATIATION: Mapping[str, Any] = {
    "cues": HUMAN_CUES,
    "personas": ("alice", "bob", "coach", "scholar", "jester", "confidante"),
    "session_length": 40,
    "fit": (
        (1.0, 1.0, 0.0, 1.0, 1.0, 0.0),
        (1.0, 0.0, 1.0, 1.0, 0.0, 1.0),
        (0.0, 1.0, 1.0, 0.0, 1.0, 1.0),
    ),
    "boredom_hazard": 0.0,
    "engagement_fresh": 0.9,
    "engagement_bored": 0.25,
    "appeal": (-0.15, 0.0, 0.0, 0.0, 0.05, 0.05),
    "satiation_gain": 0.3,
    "satiation_memory": 0.7,
    "satiation_wear": (0.4, 0.8, 1.0, 1.2, 1.6, 1.8),
    "swap_cost": 0.2,
    "archetypes": ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0)),
    "archetype_weights": (0.4, 0.35, 0.25),
}
"""Fields of the preset: no user gets bored, but every persona wears off with use and recovers at
rest; users differ in the personas they like, and personas in how fast they wear off."""


class SatiationEnv(CarouselEnv):
    """Rotation and rest: every persona wears off with use and recovers at rest.

    ## Description

    A user either likes a persona or does not, and that never changes: with a persona they like they
    are always fresh, with any other always bored. Users do not get bored over time, and never
    leave. Instead they tire of the current persona, a little more with every turn, and recover
    while others speak. Personas wear off at different rates: alice engages less, but lasts; the
    confidante engages most, but wears off soonest.

    There are three kinds of user, who like different personas. The cues soon reveal the kind. This
    environment isolates the *planning* after that: which persona to bring back, how long to rest
    it, whether a swap now is worth its cost over the turns to come, and whether to try personas
    that have not spoken yet. Satiation follows from which personas spoke and when; no cue shows it.
    Use it to tell a router that plans from one that takes the best next turn, which settles for the
    first few personas that the user likes and never tries the others.

    ## Observation

    A float32 array of shape (19,): cues + 2K + 3 columns, K = 6. `column_names` of the environment
    (`env.unwrapped`) names them.

    | columns | meaning | values |
    | --- | --- | --- |
    | `reply_latency`, `reply_length`, `sentiment`, `asks_question` | cue levels | 0 to 2, or -1 |
    | `engagement` | the user engaged at the last turn | 0, 1, or -1 |
    | `persona_*` | who speaks | one-hot; 0 before the first turn |
    | `available_*` | who may be picked | 0, 1 |
    | `turns_with_persona` | turns with the current persona | 0 to T |
    | `session_gone` | share of the session gone | 0 to 1 |

    Cues and engagement are -1 before the first turn. T is `session_length`.

    ## Actions

    `Discrete(6)`: the persona to enact, in the order of `population.personas`. An unavailable one
    is refused: the current persona stays (before the first turn, the next available one speaks).

    ## Reward

    Engagement (drawn, 0 or 1; with `reward="mean"` its probability) less the swap cost. The
    observation always holds the draw.

    With s the satiation with the current persona, the probability of engagement is that of the mood
    (`engagement_fresh` or `engagement_bored`) plus `appeal`, less `satiation_gain` times
    `satiation_wear` times s, and at least 0. After each turn s becomes `satiation_memory` (s + 1)
    for the persona that spoke and `satiation_memory` s for the others.

    Info: `engagement_mean` (the probability of engagement), `swapped`, `refused` (the pick was
    unavailable), `mood` (0 fresh, 1 bored, as it was when the user reacted), `action_mask`, `user`
    (row of the table of users).

    ## Start

    No persona has spoken. The user is drawn from the table of users, or named by the option `user`
    (a row of it). An episode is a function of seed and episode index.

    ## End

    Truncated after `session_length` turns. Users never leave: `terminated` is always False.

    ## Population

    The preset `Satiation`; `Population` explains every field. Where there are six numbers, each
    belongs to a persona.

    | field | value |
    | --- | --- |
    | `personas` | alice, bob, coach, scholar, jester, confidante |
    | `session_length` | 40 |
    | `fit[0]` | 1.0, 1.0, 0.0, 1.0, 1.0, 0.0 |
    | `fit[1]` | 1.0, 0.0, 1.0, 1.0, 0.0, 1.0 |
    | `fit[2]` | 0.0, 1.0, 1.0, 0.0, 1.0, 1.0 |
    | `archetype_weights` | 0.4, 0.35, 0.25 |
    | `boredom_hazard` | 0.0 |
    | `engagement_fresh`, `engagement_bored` | 0.9, 0.25 |
    | `appeal` | -0.15, 0.0, 0.0, 0.0, 0.05, 0.05 |
    | `satiation_gain` | 0.3 |
    | `satiation_memory` | 0.7 |
    | `satiation_wear` | 0.4, 0.8, 1.0, 1.2, 1.6, 1.8 |
    | `swap_cost` | 0.2 |
    | `archetypes[0]` | 1.0, 0.0, 0.0, 0.0 |
    | `archetypes[1]` | 0.0, 1.0, 0.0, 0.0 |
    | `archetypes[2]` | 0.0, 0.0, 1.0, 0.0 |

    `cues` are as in `Boredom`. `fit` says which personas each kind of user likes, a row per kind;
    the tastes only tell the kinds apart.

    ## References

    Two-sided bounds (tier "bounds"). The lower one is the value of a policy that follows each
    kind's relaxed plan, weighed by the belief about the kind; the upper one is the optimum of a
    router that learns the kind after three turns. The values of this policy, of the myopic and of
    the uniform router are simulated, with standard errors of 0.002, 0.005 and 0.006.

    | `carousel reference Satiation` | engagement per session |
    | --- | --- |
    | value | 25.63 |
    | value_upper | 26.05 |
    | blind | 19.01 |
    | best_fixed | 14.36 |
    | uniform | 15.91 |
    | myopic | 22.84 |

    The simplest good rule counts signs, without probabilities (`carousel evaluate tally Satiation
    --users 20000`): it scores 0.73. It swaps after two turns at the latest, to the next persona who
    was not disliked.

    ## Shifts

    `fit`, `satiation`, `recovery`, `swap-cost`, `cue-noise`, `cue-dropout`, `cue-reversal`,
    `archetype-mix`, `unseen-archetype`, `unavailable`, `permuted-slots`, `patience`,
    `session-length`. `satiation` and `recovery` are specific to this environment: personas wear off
    up to twice as much, and recover down to hardly at all. Along `patience` bored users begin to
    leave, so that trying out a persona is no longer harmless.

    ## Sources

    Leqi et al. (2021), *Rebounding bandits for modeling satiation effects*; Pike-Burke &
    Grünewälder (2019), *Recovering bandits*; Whittle (1988), *Restless bandits: activity allocation
    in a changing world*, for index policies and the relaxation behind them.

    ## Version history

    v0: first.
    """

    preset = "Satiation"


class SatiationVectorEnv(CarouselVectorEnv):
    """`SatiationEnv`, many sessions at once; `CarouselVectorEnv` has the arguments."""

    preset = "Satiation"


SPEC = register(
    EnvironmentSpec(
        name="Satiation",
        model=USERS,
        fields=SATIATION,
        vector="carousel_envs.environments.satiation:SatiationVectorEnv",
        scalar="carousel_envs.environments.satiation:SatiationEnv",
    )
)
