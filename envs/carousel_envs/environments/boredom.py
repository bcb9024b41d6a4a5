"""`Carousel/Boredom-v0`: when to swap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..spec import EnvironmentSpec, register
from ..users.environment import CarouselEnv
from ..users.vector import CarouselVectorEnv
from .of_users import HUMAN_CUES, USERS

if TYPE_CHECKING:
    from collections.abc import Mapping

BOREDOM: Mapping[str, Any] = {
    "cues": HUMAN_CUES,
    "personas": ("alice", "bob", "coach", "scholar"),
    "session_length": 40,
    "fit": 1.0,
    "boredom_hazard": 0.04,
    "engagement_fresh": 0.7,
    "engagement_bored": 0.2,
    "swap_cost": 0.8,
    "leave_fresh": 0.0,
    "leave_bored": 0.03,
}
"""Fields of the preset: every persona fits every user, and all users are alike."""


class BoredomEnv(CarouselEnv):
    """When to swap: the loop itself.

    ## Description

    Every persona suits every user, and every user eventually gets bored with the current persona.
    Boredom is hidden. The router sees cues (how fast, how long, how warmly the user replies,
    whether they ask back) and whether the user engaged, and infers from them how probable boredom
    is. A swap costs, and makes the user fresh again. The only decision is *when*: too early, and
    the cost is wasted; too late, and the user does not engage, or leaves.

    The optimum is the light loop in its pure form: track the probability of boredom, and swap when
    it reaches a threshold.

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

    The preset `Boredom`; `Population` explains every field.

    | field | value |
    | --- | --- |
    | `personas` | alice, bob, coach, scholar |
    | `session_length` | 40 |
    | `fit` | 1.0 |
    | `boredom_hazard` | 0.04 |
    | `engagement_fresh`, `engagement_bored` | 0.7, 0.2 |
    | `swap_cost` | 0.8 |
    | `leave_fresh`, `leave_bored` | 0.0, 0.03 |
    | `cues[0]` | 0.55, 0.33, 0.12; 0.15, 0.37, 0.48 |
    | `cues[1]` | 0.12, 0.33, 0.55; 0.45, 0.37, 0.18 |
    | `cues[2]` | 0.12, 0.33, 0.55; 0.38, 0.4, 0.22 |
    | `cues[3]` | 0.25, 0.4, 0.35; 0.65, 0.28, 0.07 |

    Cues stand in the order of the observation's columns: the probability of each level when the
    user is fresh, then when bored.

    ## References

    Exact: dynamic programming on the probability of boredom (`carousel_envs.reference.solve`), two
    recursions that enclose the optimum to five digits.

    | `carousel reference Boredom` | engagement per session |
    | --- | --- |
    | value | 24.43 |
    | blind | 20.99 |
    | best_fixed | 16.77 |
    | uniform | 4.32 |
    | myopic | 16.77 |

    The simplest good rule counts signs, without probabilities (`carousel evaluate tally Boredom
    --users 20000`): it scores 0.94. It swaps once signs of boredom outnumber those of freshness
    enough, with a third of the count kept from turn to turn; with nothing kept (`tally:0`) it
    scores 0.90. So memory is worth little here: use this environment for *when* to swap, and not to
    show that memory is needed.

    ## Shifts

    `hazard`, `fit`, `swap-cost`, `cue-noise`, `cue-dropout`, `cue-reversal`, `unseen-archetype`,
    `unavailable`, `patience`, `session-length`.

    ## Sources

    Åström (1965) for the belief; Shiryaev (1963) and Girshick & Rubin (1952) for the threshold;
    Charnov (1976) for the blind optimum, the marginal value theorem.

    ## Version history

    v0: first.
    """

    preset = "Boredom"


class BoredomVectorEnv(CarouselVectorEnv):
    """`BoredomEnv`, many sessions at once; `CarouselVectorEnv` has the arguments."""

    preset = "Boredom"


SPEC = register(
    EnvironmentSpec(
        name="Boredom",
        model=USERS,
        fields=BOREDOM,
        vector="carousel_envs.environments.boredom:BoredomVectorEnv",
        scalar="carousel_envs.environments.boredom:BoredomEnv",
    )
)
