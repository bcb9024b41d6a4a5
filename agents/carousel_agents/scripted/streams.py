"""Where the random streams of hand-written routers begin: apart from each other and all others.

Sessions that people play start low, and those of evaluation at 2**56; distances between populations
are measured from 2**57 on;
references simulate at 2**60 and 2**61; learners train from 2**62 on, on fewer than 2**57 streams.
So no router is evaluated on a session that made it.
"""

PATTERNS = 2**58
"""Sessions on which patterns of cues are compared, and as many more to decide among the best."""
TALLIES = 2**58 + 2**57
"""Sessions on which tallies are compared, and as many more to decide among the best."""
CALIBRATION = 2**59
"""Training sessions in which the masked planner learns what training looks like."""
BANDITS = 2**62 + 2**61
"""Sessions in which contextual bandits learn; below 2**63 - 2**32, the largest seed that plays."""
