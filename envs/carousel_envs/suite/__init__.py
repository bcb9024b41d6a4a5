"""The environments over one model of users: a class each, whose docstring is its page."""

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
