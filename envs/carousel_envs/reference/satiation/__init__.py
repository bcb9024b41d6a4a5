"""Users who tire of personas: schedules, indices, relaxations.

Imports `long_run`, `unheard` and `acting`. Start with `solve.py`, then `schedules.py`.
"""
