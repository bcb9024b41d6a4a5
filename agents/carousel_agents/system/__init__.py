"""The machine beneath: what is shown, Ctrl-C, locks, worker processes, optional packages.

Imports no other room. Start with `interruption.py`.
"""
