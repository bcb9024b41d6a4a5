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
"""Fields of the preset: nobody gets bored, but every persona wears off with use and recovers
unused; users differ in whom they like, and the likable ones wear off at different rates."""


class SatiationEnv(CarouselEnv):
    """Rotation and rest: every persona wears off with use and recovers unused.

    ## Description

    A user likes a persona or does not, for good: with one they like they are always fresh, with one
    they do not they are always bored. Nobody is bored by waiting, and nobody leaves. Instead the
    user has enough of whoever speaks, a little more with every turn, and gets over it while others
    speak. Personas wear off at different rates: alice engages less, but lasts; the confidante
    engages most and is soon too much.

    There are three kinds of user, who like different personas. Which kind one meets is heard soon,
    from the cues. What is isolated is *planning* after that: whom to bring back, how long to let
    them rest, whether a swap now is worth its cost over the turns to come, and whether to find out
    about personas that nobody has tried yet. Satiation follows from who has spoken and when, and
    no cue shows it. A researcher would use it to tell a router that plans from one that takes the
    best next turn. That one settles for the first few personas that do, and never looks further.

    ## Observation

    A float32 array of shape (19,): cues + 2K + 3 columns, K = 6. `column_names` of the
    environment (`env.unwrapped`) names them.

    | columns | meaning | values |
    | --- | --- | --- |
    | `reply_latency`, `reply_length`, `sentiment`, `asks_question` | cue levels | 0 to 2, or -1 |
    | `engagement` | the user engaged at the last turn | 0, 1, or -1 |
    | `persona_*` | who speaks | one-hot; 0 before the first turn |
    | `available_*` | who may be picked | 0, 1 |
    | `turns_with_persona` | turns with whoever speaks | 0 to T |
    | `session_gone` | share of the session gone | 0 to 1 |

    Cues and engagement are -1 before the first turn. T is `session_length`.

    ## Actions

    `Discrete(6)`: the persona to enact, in the order of `population.personas`. An unavailable one
    is refused: the current persona stays (before the first turn, the next available one speaks).

    ## Reward

    Engagement less the swap cost: 0 or 1 as it was drawn, or with `reward="mean"` the probability
    of it. What is observed is always the draw.

    With s the satiation with whoever speaks, the probability of engagement is that of the mood
    (`engagement_fresh` or `engagement_bored`) plus `appeal`, less `satiation_gain` times
    `satiation_wear` times s, and at least 0. After each turn s becomes `satiation_memory` (s + 1)
    for whoever spoke and `satiation_memory` s for the others.

    Info: `engagement_mean` (the probability of engagement), `swapped`, `refused` (the pick was
    unavailable), `mood` (0 fresh, 1 bored, as it was when the user reacted), `action_mask`, `user`
    (row of the table of users).

    ## Start

    Nobody has spoken. The user is drawn from the table of users, or named by the option `user` (a
    row of it). An episode is a function of seed and episode index.

    ## End

    Truncated after `session_length` turns. Nobody leaves: `terminated` is always False.

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

    `cues` are as in `Boredom`. Who likes whom stands in `fit`, a row per kind; the tastes only tell
    the kinds apart.

    ## References

    Two-sided bounds (tier "bounds"). Below, a policy that follows each kind's relaxed plan, weighed
    by the belief about the kind. Above, the optimum of a router that is told the kind after three
    turns. The values of this policy, of the myopic and of the uniform router are simulated, with
    standard errors of 0.002, 0.005 and 0.006.

    | `carousel reference Satiation` | engagement per session |
    | --- | --- |
    | value | 25.63 |
    | value_upper | 26.05 |
    | blind | 19.01 |
    | best_fixed | 14.36 |
    | uniform | 15.91 |
    | myopic | 22.84 |

    ## Shifts

    `fit`, `satiation`, `recovery`, `swap-cost`, `cue-noise`, `cue-dropout`, `cue-reversal`,
    `archetype-mix`, `unseen-archetype`, `unavailable`, `permuted-slots`, `patience`,
    `session-length`. `satiation` and `recovery` are at home here: personas come to wear off twice
    as much, and to recover hardly at all. Along `patience` users who are bored come to leave, so
    that trying out a persona is no longer harmless.

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
