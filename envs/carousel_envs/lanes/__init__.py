"""What every environment has, whatever it plays: lanes, seeds, options, autoreset, snapshots.

Imports `foundation` and `compiled`. Start with `base.py`, what an environment
brings, then `vector.py`; `scalar.py` is the same at one lane.
"""
