"""Measuring: grids of runs, the store they fill, their table, and speed beside that of peers.

Importing this package does not import torch; running a grid does.
"""
