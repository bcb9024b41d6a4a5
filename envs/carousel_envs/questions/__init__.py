"""The model of questions with a topic and a date, and of personas that know some of it.

Imports `foundation`, `compiled` and `lanes`, and from `users` the repertoire and the alias tables.
Modules have the same names as in `users`. Start with `population.py`, then `session.py`.
"""
