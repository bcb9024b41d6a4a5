"""Routers that ignore what users do: exact values of schedules, and the best schedules.

Imports `reference.model` and what lies below `reference`. Start with `schedule_values.py`.
"""
