"""One file per environment: its page is the docstring of its class.

Each file holds the preset, the page (the docstring of a class) and the record that registers both.
Imports the models (`users`, `questions`), `shifts` and `spec`. Start with `boredom.py`.
"""

# in the order in which they are listed
# ruff: noqa: I001
from .boredom import BoredomEnv, BoredomVectorEnv
from .boredom_faint import BoredomFaintEnv, BoredomFaintVectorEnv
from .taste import TasteEnv, TasteVectorEnv
from .taste_faint import TasteFaintEnv, TasteFaintVectorEnv
from .satiation import SatiationEnv, SatiationVectorEnv
from .welfare import WelfareEnv, WelfareVectorEnv
from .unmask import UnmaskEnv, UnmaskVectorEnv
from .unmask_shown import UnmaskShownEnv, UnmaskShownVectorEnv
from .recall import RecallEnv, RecallVectorEnv

__all__ = [
    "BoredomEnv",
    "BoredomFaintEnv",
    "BoredomFaintVectorEnv",
    "BoredomVectorEnv",
    "RecallEnv",
    "RecallVectorEnv",
    "SatiationEnv",
    "SatiationVectorEnv",
    "TasteEnv",
    "TasteFaintEnv",
    "TasteFaintVectorEnv",
    "TasteVectorEnv",
    "UnmaskEnv",
    "UnmaskShownEnv",
    "UnmaskShownVectorEnv",
    "UnmaskVectorEnv",
    "WelfareEnv",
    "WelfareVectorEnv",
]
