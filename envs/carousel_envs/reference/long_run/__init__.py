"""Averages per turn over endless sessions, and Whittle indices: known answers to check against.

Imports nothing of `reference`. Start with `swap_rule.py`.
"""
