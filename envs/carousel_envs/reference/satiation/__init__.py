"""Users who satiate: schedules, indices, relaxations, and the references made of them.

Imports `long_run`, `unheard`, `acting` and `known_user`. Start with `rotation.py`, then
`schedules.py`.
"""
