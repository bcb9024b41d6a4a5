"""Studies in folders: a request, rows that are kept as they are played, and a summary.

Imports `generalisation` and the rooms below it, never `report`: the caller hands in what draws a
page. Start with `running.py`; `folder.py` is the one reader and writer of a folder.
"""
