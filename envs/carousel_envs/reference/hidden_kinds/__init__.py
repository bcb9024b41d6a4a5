"""Hidden kinds of user without satiation: point-based value iteration on (kind, mood).

Imports `unheard`, `acting` and `known_user`. Start with `population_bounds.py`. There are two
searches: `streak_search.py`, for kinds that differ in whom they like alone, and `kinds_search.py`
for any others.
"""
