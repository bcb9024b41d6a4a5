"""`Carousel/BoredomFaint-v0`: when to swap, with faint cues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..spec import EnvironmentSpec, register
from ..users.environment import CarouselEnv
from ..users.vector import CarouselVectorEnv
from .boredom import BOREDOM
from .of_users import USERS

if TYPE_CHECKING:
    from collections.abc import Mapping

BOREDOM_FAINT: Mapping[str, Any] = {
    **BOREDOM,
    "cues": (
        ((0.45, 0.34, 0.21), (0.25, 0.36, 0.39)),
        ((0.20, 0.34, 0.46), (0.37, 0.36, 0.27)),
        ((0.18, 0.35, 0.47), (0.32, 0.38, 0.30)),
        ((0.35, 0.37, 0.28), (0.55, 0.31, 0.14)),
    ),
}
"""Fields of the preset: Boredom with cues that tell the moods apart less well."""


class BoredomFaintEnv(CarouselEnv):
    """When to swap, hard to tell: `Boredom` with faint cues.

    ## Description

    As in `Boredom`, but a turn's cues tell one mood from the other less well. Whoever listens to
    the last turn alone errs more often; adding up many turns pays. The best controller found that
    has no memory is worth a score of 0.96 in `Boredom`, and 0.87 here (the router `memoryless`; its
    exact value is `reference.known_user.memoryless.best_memoryless`).

    Use it to ask whether a router adds up evidence, and `Boredom` to ask when it swaps.

    ## Observation

    A float32 array of shape (15,): cues + 2K + 3 columns, K = 4. `column_names` of the environment
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

    `Discrete(4)`: the persona to enact, in the order of `population.personas`. An unavailable one
    is refused: the current persona stays (before the first turn, the next available one speaks).

    ## Reward

    Engagement (drawn, 0 or 1; with `reward="mean"` its probability) less the swap cost. The
    observation always holds the draw.

    Info: `engagement_mean` (the probability of engagement), `swapped`, `refused` (the pick was
    unavailable), `mood` (0 fresh, 1 bored, as it was when the user reacted), `action_mask`, `user`
    (row of the table of users).

    ## Start

    No persona has spoken. The user is drawn from the table of users, or named by the option `user`.
    An episode is a function of seed and episode index.

    ## End

    Terminated when the user leaves, which only bored users do (`leave_bored`); truncated after
    `session_length` turns.

    ## Population

    The preset `BoredomFaint`; `Population` explains every field.

    | field | value |
    | --- | --- |
    | `cues[0]` | 0.45, 0.34, 0.21; 0.25, 0.36, 0.39 |
    | `cues[1]` | 0.2, 0.34, 0.46; 0.37, 0.36, 0.27 |
    | `cues[2]` | 0.18, 0.35, 0.47; 0.32, 0.38, 0.3 |
    | `cues[3]` | 0.35, 0.37, 0.28; 0.55, 0.31, 0.14 |

    Everything else is as in `Boredom`.

    Cues stand in the order of the observation's columns: the probability of each level when the
    user is fresh, then when bored. They are those of `Boredom`, half way to the mean over both
    moods.

    ## References

    Exact, as in `Boredom`.

    | `carousel reference BoredomFaint` | engagement per session |
    | --- | --- |
    | value | 23.50 |
    | blind | 20.99 |
    | best_fixed | 16.77 |
    | uniform | 4.32 |
    | myopic | 16.77 |

    A rule that counts signs, without probabilities, scores 0.86 (`carousel evaluate tally
    BoredomFaint --users 20000`; in `Boredom` 0.94); with nothing kept of earlier turns' signs
    (`tally:0`), 0.70 (in `Boredom` 0.90).

    ## Shifts

    `hazard`, `fit`, `swap-cost`, `cue-noise`, `cue-dropout`, `cue-reversal`, `unseen-archetype`,
    `unavailable`, `patience`, `session-length`.

    ## Sources

    Åström (1965) for the belief; Shiryaev (1963) and Girshick & Rubin (1952) for the threshold;
    Charnov (1976) for the blind optimum, the marginal value theorem.

    ## Version history

    v0: first.
    """

    preset = "BoredomFaint"


class BoredomFaintVectorEnv(CarouselVectorEnv):
    """`BoredomFaintEnv`, many sessions at once; `CarouselVectorEnv` has the arguments."""

    preset = "BoredomFaint"


SPEC = register(
    EnvironmentSpec(
        name="BoredomFaint",
        variant_of="Boredom",
        model=USERS,
        fields=BOREDOM_FAINT,
        vector="carousel_envs.environments.boredom_faint:BoredomFaintVectorEnv",
        scalar="carousel_envs.environments.boredom_faint:BoredomFaintEnv",
    )
)
