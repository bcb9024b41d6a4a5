"""The model of questions with a topic and a date, and of personas that know some of it.

Imports `foundation`, `compiled` and `lanes`, and of `users` the repertoire and how cues are drawn.
The rooms have the names of those of `users`. Start with `population.py`, then `session.py`.
"""
