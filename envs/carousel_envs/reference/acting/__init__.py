"""The exact Bayes filter, and policies that act on observations or on its belief.

Imports `reference.model` and what lies below `reference`. Start with `filtering.py`, then
`belief_policies.py`.
"""
