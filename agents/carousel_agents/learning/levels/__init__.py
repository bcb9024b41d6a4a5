"""Training on several populations at once, so that a policy is ready for shifted users.

A *level* is one of them, a word of unsupervised environment design. `record.py` says which they are
and how lanes are divided among them, `division.py` divides, `vec_env.py` plays. Equal parts are
domain randomisation (Tobin et al., 2017); parts in proportion to regret are prioritised level
replay (Jiang, Grefenstette & Rocktäschel, 2021), whose regret is exact here: most environments
can only estimate what the best policy would have earned.
"""

from .record import CURRICULA, Levels

__all__ = ["CURRICULA", "Levels"]
