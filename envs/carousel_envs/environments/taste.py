"""`Carousel/Taste-v0`: whom to swap to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..spec import EnvironmentSpec, register
from ..users.environment import CarouselEnv
from ..users.vector import CarouselVectorEnv
from .of_users import HUMAN_CUES, USERS

if TYPE_CHECKING:
    from collections.abc import Mapping

TASTE: Mapping[str, Any] = {
    "cues": HUMAN_CUES,
    "personas": ("alice", "bob", "coach", "scholar", "jester", "confidante"),
    "session_length": 40,
    "fit": "traits",
    "boredom_hazard": 0.03,
    "engagement_fresh": 0.8,
    "engagement_bored": 0.1,
    "swap_cost": 0.6,
    "leave_fresh": 0.0,
    "leave_bored": 0.03,
    "archetypes": (
        (0.9, -0.4, 0.3, -0.7),
        (-0.5, -0.2, 0.9, -0.4),
        (0.2, 0.9, -0.6, 0.8),
        (0.4, -0.4, -0.4, 0.9),
    ),
    "archetype_weights": (0.3, 0.3, 0.2, 0.2),
    "taste_sharpness": 6.0,
    "taste_bias": -2.5,
}
"""Fields of the preset: users differ in taste, so the router searches for a persona that fits."""


class TasteEnv(CarouselEnv):
    """Whom to swap to: search in the space of personas.

    ## Description

    Users differ in taste. Each kind of user likes one persona, perhaps a second, and hardly any of
    the others, with whom they are bored from the first turn. The kind is hidden. A swap costs, but
    it is also a question, and the cues after it are the answer: a user who is bored at once was
    probably given the wrong persona, one who stays fresh the right one.

    So the router searches: it tries a persona, observes the cues, keeps a posterior over kinds of
    user, and settles on the persona that suits this user. It swaps again when the user gets bored
    all the same. Where `Boredom` isolates when to swap, this environment adds *to which persona*.
    That takes memory of the whole session, since the current turn does not show which personas have
    been tried. Use it to ask how much of such a search a trained router has learned, and what
    becomes of it when tastes shift.

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

    Info: `engagement_mean` (the probability of engagement), `swapped`, `refused` (the pick was
    unavailable), `mood` (0 fresh, 1 bored, as it was when the user reacted), `action_mask`, `user`
    (row of the table of users).

    ## Start

    No persona has spoken. The user is drawn from the table of users, or named by the option `user`
    (a row of it). An episode is a function of seed and episode index.

    ## End

    Terminated when the user leaves, which only bored users do (`leave_bored`); truncated after
    `session_length` turns.

    ## Population

    The preset `Taste`; `Population` explains every field.

    | field | value |
    | --- | --- |
    | `personas` | alice, bob, coach, scholar, jester, confidante |
    | `session_length` | 40 |
    | `fit` | traits |
    | `boredom_hazard` | 0.03 |
    | `engagement_fresh`, `engagement_bored` | 0.8, 0.1 |
    | `swap_cost` | 0.6 |
    | `leave_fresh`, `leave_bored` | 0.0, 0.03 |
    | `archetypes[0]` | 0.9, -0.4, 0.3, -0.7 |
    | `archetypes[1]` | -0.5, -0.2, 0.9, -0.4 |
    | `archetypes[2]` | 0.2, 0.9, -0.6, 0.8 |
    | `archetypes[3]` | 0.4, -0.4, -0.4, 0.9 |
    | `archetype_weights` | 0.3, 0.3, 0.2, 0.2 |
    | `taste_sharpness` | 6.0 |
    | `taste_bias` | -2.5 |

    `cues` are as in `Boredom`. An archetype is a taste: warmth, wit, depth, energy. Traits and
    tastes give the probability that a user is fresh when a persona takes over:

    | fit | alice | bob | coach | scholar | jester | confidante |
    | --- | --- | --- | --- | --- | --- | --- |
    | archetype 0 | 0.70 | 0.00 | 0.02 | 0.15 | 0.00 | 0.97 |
    | archetype 1 | 0.13 | 0.00 | 0.00 | 0.97 | 0.00 | 0.15 |
    | archetype 2 | 0.09 | 0.94 | 0.64 | 0.00 | 0.97 | 0.00 |
    | archetype 3 | 0.10 | 0.11 | 0.97 | 0.00 | 0.54 | 0.03 |

    ## References

    Two-sided bounds on the optimum over beliefs about kind and mood together (tier "bounds"):
    point-based value iteration, with plans below, which the reference policy follows, and mixtures
    of points above. They lie within 1 % of value - blind of each other.

    | `carousel reference Taste` | engagement per session |
    | --- | --- |
    | value | 25.24 |
    | value_upper | 25.39 |
    | blind | 9.02 |
    | best_fixed | 8.51 |
    | uniform | -4.57 |
    | myopic | 8.49 |

    The myopic router never finds a swap worth its cost in the coming turn alone, so it stays with
    its first persona. Its figure is simulated, with a standard error of 0.03.

    The simplest good rule counts signs, without probabilities (`carousel evaluate tally Taste
    --users 20000`): it scores 0.92. It swaps as in `Boredom` and goes back to whom the user liked
    most; with nothing kept of earlier turns' signs (`tally:0`) it scores 0.87.

    ## Shifts

    `hazard`, `fit`, `swap-cost`, `cue-noise`, `cue-dropout`, `cue-reversal`, `archetype-mix`,
    `unseen-archetype`, `unavailable`, `unseen-persona`, `permuted-slots`, `patience`,
    `session-length`. Along `archetype-mix` the rarest kind of user becomes the only one; along
    `unseen-archetype` new users like `alice` best, as none in training do; along `unavailable` some
    of the personas that a user would like are missing.

    ## Sources

    Smallwood & Sondik (1973), *The optimal control of partially observable Markov processes over a
    finite horizon*, for the plans; Pineau, Gordon & Thrun (2003), *Point-based value iteration*,
    for the beliefs that get them. Users who leave when they dislike what they get: Ben-Porat et al.
    (2022), *Modeling attrition in recommender systems with departing bandits*. Lu et al. (2024),
    *Blending is all you need*, for the uniform router as the baseline to beat.

    ## Version history

    v0: first.
    """

    preset = "Taste"


class TasteVectorEnv(CarouselVectorEnv):
    """`TasteEnv`, many sessions at once; `CarouselVectorEnv` has the arguments."""

    preset = "Taste"


SPEC = register(
    EnvironmentSpec(
        name="Taste",
        model=USERS,
        fields=TASTE,
        vector="carousel_envs.environments.taste:TasteVectorEnv",
        scalar="carousel_envs.environments.taste:TasteEnv",
    )
)
