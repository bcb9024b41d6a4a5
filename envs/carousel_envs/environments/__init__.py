"""One file per environment: its page is the docstring of its class.

Imports the models (`users`, `questions`). Start with `boredom.py`.
"""

from .boredom import BoredomEnv, BoredomVectorEnv
from .satiation import SatiationEnv, SatiationVectorEnv
from .taste import TasteEnv, TasteVectorEnv
from .unmask import UnmaskEnv, UnmaskVectorEnv
from .welfare import WelfareEnv, WelfareVectorEnv

__all__ = [
    "BoredomEnv",
    "BoredomVectorEnv",
    "SatiationEnv",
    "SatiationVectorEnv",
    "TasteEnv",
    "TasteVectorEnv",
    "UnmaskEnv",
    "UnmaskVectorEnv",
    "WelfareEnv",
    "WelfareVectorEnv",
]
