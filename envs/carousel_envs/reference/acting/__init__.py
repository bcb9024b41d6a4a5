"""Policies that act on what was solved, and the exact filter that they believe.

Imports the models. Start with `filtering.py`, then `policies.py`.
"""
