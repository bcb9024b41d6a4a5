"""Averages per turn over endless sessions: known answers that everything else is checked against.

Imports `compiled` alone. Start with `swap_rule.py`.
"""
