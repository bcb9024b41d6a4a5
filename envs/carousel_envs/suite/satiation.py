"""`Carousel/Satiation-v0`: rotation and rest."""

from __future__ import annotations

from ..carousel import CarouselEnv, CarouselVectorEnv


class SatiationEnv(CarouselEnv):
    """Rotation and rest: every persona wears off with use and recovers unused.

    ## Description

    Nobody is ever bored here and nobody leaves. Instead the user has enough of whoever speaks, a
    little more with every turn, and gets over it while others do. Satiation with a persona follows
    from who has spoken and when, and from nothing else: the cues say nothing of it. What is
    isolated is *planning*: whom to bring back, how long to let them rest, and whether a swap now is
    worth its cost over the turns to come.

    Listening is therefore worth next to nothing. The best schedule is as good as any router, and
    there is no score, which is the share of the value of feedback that a router captures. Judge a
    router here by its reward against `value`. A researcher would use it to tell a router that plans
    from one that takes the best next turn, and as a control for probes that ask whether a router
    listens.

    ## Observation

    A float32 array of shape (15,): cues + 2K + 3 columns, K = 4. The attribute `column_names` of
    the environment names them.

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

    `Discrete(4)`: the persona to enact, in the order of `population.personas`. An unavailable one
    is refused: the current persona stays (before the first turn, the next available one speaks).

    ## Reward

    Engagement less the swap cost: 0 or 1 as it was drawn, or with `reward="mean"` the probability
    of it. What is observed is always the draw.

    With s the satiation with a persona, engagement has the probability `engagement_fresh` -
    `satiation_gain` s, at least 0. After each turn s becomes `satiation_memory` (s + 1) for whoever
    spoke and `satiation_memory` s for the others.

    Info: `engagement_mean` (the probability of engagement), `swapped`, `refused` (the pick was
    unavailable), `mood` (0 fresh, 1 bored, as it was when the user reacted), `action_mask`, `user`
    (row of the table of users).

    ## Start

    Nobody has spoken. The user is drawn from the table of users, or named by the option `user` (a
    row of it). An episode is a function of seed and episode index.

    ## End

    Truncated after `session_length` turns. Nobody leaves: `terminated` is always False.

    ## Population

    The preset `Satiation`; `Population` explains every field.

    | field | value |
    | --- | --- |
    | `personas` | alice, bob, coach, scholar |
    | `session_length` | 40 |
    | `fit` | 1.0 |
    | `boredom_hazard` | 0.0 |
    | `engagement_fresh`, `engagement_bored` | 0.95, 0.2 |
    | `satiation_gain` | 0.25 |
    | `satiation_memory` | 0.8 |
    | `swap_cost` | 0.15 |

    `cues` are as in `Boredom`; since everybody is fresh they say nothing.

    ## References

    Two-sided bounds (tier "bounds"): a beam search over schedules below, a Lagrangian relaxation
    above.

    | `carousel reference Satiation` | engagement per session |
    | --- | --- |
    | value | 28.08 |
    | value_upper | 28.15 |
    | blind | 28.08 |
    | best_fixed | 4.08 |
    | uniform | 24.86 |
    | myopic | 27.25 |

    ## Shifts

    `swap-cost`, `session-length`, `archetype-mix`, `unavailable`. Along `archetype-mix` a growing
    share of users has tastes, and is bored with personas that do not suit them.

    ## Sources

    Leqi et al. (2021), *Rebounding bandits for modeling satiation effects*; Pike-Burke &
    Grünewälder (2019), *Recovering bandits*; Whittle (1988), *Restless bandits: activity allocation
    in a changing world*.

    ## Version history

    v0: first.
    """

    preset = "Satiation"


class SatiationVectorEnv(CarouselVectorEnv):
    """`SatiationEnv`, many sessions at once; `CarouselVectorEnv` has the arguments."""

    preset = "Satiation"
