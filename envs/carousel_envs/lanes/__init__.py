"""What all environments share: lanes, seeds, options, autoreset, snapshots.

Imports `foundation` and `compiled`. Start with `base.py`, which says what an environment must
provide, then `vector.py`; `scalar.py` is the same with one lane.
"""
