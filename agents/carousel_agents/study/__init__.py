"""Studies in folders: a plan, rows that are added as they are played, summaries and pages.

Imports `generalisation` and `report`. Start with `shift_study.py`.
"""
