"""The model of users: who they are, what a turn does to them, what a router sees of them.

Imports `foundation`, `compiled` and `lanes`. Start with `population.py`, then `turn.py`: the only
copy of the dynamics.
"""
