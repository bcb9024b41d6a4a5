"""How far apart two populations are, in nats per session, exactly or with a standard error.

Imports the models and `reference.acting`. Start with `record.py`, which has the definition.
"""
