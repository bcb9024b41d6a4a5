"""Routers that hear nothing: exact values of schedules, and the best schedule.

Imports the models and `reference.model`. Start with `values.py`.
"""
