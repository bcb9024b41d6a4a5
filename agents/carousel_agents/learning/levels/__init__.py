"""Training on several populations at once, so that a policy is ready for shifted users.

A *level* is one of them, a word of unsupervised environment design. `record.py` says which they are
and how lanes are divided among them, `division.py` divides, `vec_env.py` plays. Equal parts are
domain randomisation (Tobin et al., 2017). Parts in proportion to regret follow prioritised level
replay (Jiang, Grefenstette & Rocktäschel, 2021), which has to guess what the best policy would
have earned: here the reference says it.
"""

from .record import Levels

__all__ = ["Levels"]
