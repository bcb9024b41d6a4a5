"""Hidden kinds of user without satiation: heuristic search value iteration on (kind, mood).

Imports `unheard`, `acting` and `known_user`. Start with `population_bounds.py`; the search itself,
which knows nothing of users, is `hsvi.py`.
"""
