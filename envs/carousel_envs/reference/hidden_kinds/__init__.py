"""Several hidden kinds of user: bounds from both sides by heuristic search.

Imports `known_user` and `acting`. Start with `solve.py`, then `search.py` and `hsvi.py`.
"""
