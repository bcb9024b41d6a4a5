"""What everything else stands on: errors, validated fields, files, caches, messages.

Imports nothing of this package. Start with `errors.py`, then `validation.py`.
"""
