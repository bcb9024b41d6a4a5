"""The model of users: their population, the dynamics of a turn, and what a router observes.

Imports `foundation`, `compiled` and `lanes`. Start with `population.py`, then `turn.py`: the only
copy of the dynamics.
"""
