"""Hidden kinds of user without satiation: heuristic search value iteration on (kind, mood).

Imports `unheard`, `acting` and `known_user`. Start with `population_bounds.py`. There are two
searches: `hsvi.py`, which knows nothing of users, and `kinds_search.py`, which makes use of what
cues and swaps say, and closes bounds as far as is asked for.
"""
