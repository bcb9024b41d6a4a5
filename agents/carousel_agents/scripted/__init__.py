"""Hand-written routers, from the simplest up, and the three views as things that act.

One file per router: how it is built, and the record that registers it under its name.
`docs/routers.md` has a section on each. Imports `router` and carousel_envs; start with `loop.py`.
"""

# in the order in which they are listed: from the simplest up
# ruff: noqa: I001
from ..router import FROZEN, ROUTERS, make
from . import fixed as fixed
from . import uniform as uniform
from . import open_loop as open_loop
from . import operating_system as operating_system
from . import cue_pattern as cue_pattern
from . import tally as tally
from . import lin_ucb as lin_ucb
from . import linear_thompson as linear_thompson
from . import myopic as myopic
from . import memoryless as memoryless
from . import whittle as whittle
from . import loop as loop
from . import optimal as optimal
from . import masked_planner as masked_planner
from . import clairvoyant as clairvoyant

__all__ = ["FROZEN", "ROUTERS", "make"]
