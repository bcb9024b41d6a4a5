"""One kind of user per visible context: exact dynamic programming on P(bored).

Imports `reference.model`, `unheard` and `acting`. Start with `belief.py`.
"""
