"""The machine beneath: the console, Ctrl-C, locks, workers, archives, optional packages.

Imports no other room. Start with `interruption.py`.
"""
