"""One kind of user per visible context: dynamic programming on P(bored), or on the mood itself.

Imports `reference.model` and `acting`. Start with `belief_program.py`.
"""
