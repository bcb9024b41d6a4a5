"""What a router wants: probes, each of which asks one question and may decline to answer.

One file per probe: how it asks, and the record that registers it. May import generalisation and
below. Begin with `finding.py`, what every probe returns, and `drive.py`, the simplest one.
"""

# in the order in which they are listed
# ruff: noqa: I001
from .finding import Estimate, Figure, Finding, Mark
from .registered import PROBES, Probe, probe, register
from . import drive as drive
from . import psychometric as psychometric
from . import adaptivity as adaptivity
from . import guarantee as guarantee
from . import goal as goal
from . import goal_directedness as goal_directedness
from . import world_model as world_model
from . import sophistication as sophistication
from . import belief_inside as belief_inside
from . import mask_off as mask_off
from . import view as view
from . import forecast as forecast

__all__ = ["PROBES", "Estimate", "Figure", "Finding", "Mark", "Probe", "probe", "register"]
