"""`Carousel/TasteFaint-v0`: whom to swap to, with faint cues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..spec import EnvironmentSpec, register
from ..users.environment import CarouselEnv
from ..users.vector import CarouselVectorEnv
from .of_users import USERS
from .taste import TASTE

if TYPE_CHECKING:
    from collections.abc import Mapping

TASTE_FAINT: Mapping[str, Any] = {
    **TASTE,
    "cues": (
        ((0.49, 0.34, 0.17), (0.21, 0.36, 0.43)),
        ((0.17, 0.34, 0.49), (0.40, 0.36, 0.24)),
        ((0.16, 0.34, 0.50), (0.34, 0.39, 0.27)),
        ((0.31, 0.38, 0.31), (0.59, 0.30, 0.11)),
    ),
}
"""Fields of the preset: Taste with cues that tell the moods apart less well."""


class TasteFaintEnv(CarouselEnv):
    """Whom to swap to, hard to tell: `Taste` with faint cues.

    ## Description

    As in `Taste`, but a turn's cues tell one mood from the other less well, so that one look seldom
    shows whether the user likes a persona. Remembering earlier turns of each persona is worth more
    than there.

    Use it to ask whether a router adds up evidence about tastes, and `Taste` to ask how it
    searches.

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

    The preset `TasteFaint`; `Population` explains every field.

    | field | value |
    | --- | --- |
    | `cues[0]` | 0.49, 0.34, 0.17; 0.21, 0.36, 0.43 |
    | `cues[1]` | 0.17, 0.34, 0.49; 0.4, 0.36, 0.24 |
    | `cues[2]` | 0.16, 0.34, 0.5; 0.34, 0.39, 0.27 |
    | `cues[3]` | 0.31, 0.38, 0.31; 0.59, 0.3, 0.11 |

    Everything else is as in `Taste`.

    Cues stand in the order of the observation's columns: the probability of each level when the
    user is fresh, then when bored. They are those of `Taste`, three tenths of the way to the mean
    over both moods.

    ## References

    Two-sided bounds (tier "bounds"), as in `Taste`.

    | `carousel reference TasteFaint` | engagement per session |
    | --- | --- |
    | value | 24.32 |
    | value_upper | 24.48 |
    | blind | 9.02 |
    | best_fixed | 8.51 |
    | uniform | -4.57 |
    | myopic | 8.49 |

    The figure of the myopic router is simulated, with a standard error of 0.03. The bounds lie
    within 1.1 % of value - blind of each other.

    A rule that counts signs, without probabilities, scores 0.91 (`carousel evaluate tally
    TasteFaint --users 20000`; in `Taste` 0.92); with nothing kept of earlier turns' signs
    (`tally:0`), 0.81 (in `Taste` 0.87).

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

    preset = "TasteFaint"


class TasteFaintVectorEnv(CarouselVectorEnv):
    """`TasteFaintEnv`, many sessions at once; `CarouselVectorEnv` has the arguments."""

    preset = "TasteFaint"


SPEC = register(
    EnvironmentSpec(
        name="TasteFaint",
        variant_of="Taste",
        model=USERS,
        fields=TASTE_FAINT,
        vector="carousel_envs.environments.taste_faint:TasteFaintVectorEnv",
        scalar="carousel_envs.environments.taste_faint:TasteFaintEnv",
    )
)
