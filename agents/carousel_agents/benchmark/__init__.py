"""Measuring: grids of runs and the store they fill, their table, and speed side by side with peers.

Importing this package does not import torch; running a grid does.
"""
