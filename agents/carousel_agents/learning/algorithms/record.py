"""The record of an algorithm, and the registry that holds them all."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown, takes
from carousel_envs.foundation.plugins import Registry

from .families import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..implementation import Implementation

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Budget:
    """How few steps a preset can do with, as measured on Boredom.

    Attributes:
        full: steps from which the preset stays as it is. With fewer, fewer lanes play and batches
            are smaller in proportion, so that there are as many updates as with these. 0: always.
        needs: steps with which every seed that was tried learnt to swap; 0: not measured.
    """

    full: int = 0
    needs: int = 0


@dataclass(frozen=True)
class Extra:
    """An optional requirement of this distribution.

    Attributes:
        name: as in `persona-carousel[name]`.
        package: the package that it brings.
        module: what cannot be imported without it.
    """

    name: str
    package: str
    module: str


@dataclass(frozen=True, eq=False)
class Algorithm:
    """All that belongs to a learning algorithm.

    Attributes:
        name: lower-case words with hyphens, up to 40 characters: what people type, and what policy
            files and folders of runs bear.
        preset: its default settings. Their class says which settings there are: one of a family
            (`OnPolicySettings`, `OffPolicySettings`, or those of an algorithm) or a subclass.
        load: imports torch and what else it takes, and returns the classes that train.
        budget: how few steps the preset can do with.
        space: where `tune` looks: by setting, the values to choose among, or (low, high, "log" or
            "linear"). Widths of networks are text, such as "32,32". Empty: it cannot be tuned.
        packages: distributions, beside those that every algorithm needs, whose versions decide
            what training does.
        extra: the optional requirement without which it cannot be loaded; None: there is none.
        remembers: whether its policies carry a state from turn to turn.

    Raises:
        CarouselError: a name, a preset or a space of another form.
    """

    name: str
    preset: Settings
    load: Callable[[], Implementation]
    budget: Budget = Budget()
    space: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    extra: Extra | None = None
    remembers: bool = False

    def __post_init__(self) -> None:
        name = self.name
        if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
            raise CarouselError(
                f"the algorithm's name is {shown(name)}; it must be lower-case letters and digits, "
                f"with hyphens between words, {_LONGEST_NAME} characters at most"
            )
        if not isinstance(self.preset, Settings):
            raise CarouselError(
                f"the preset of {name} is {shown(self.preset)}; it must be Settings"
            )
        takes(f"algorithm {name!r}: load", self.load)
        for setting in self.space:
            if setting not in self.settings.model_fields:
                raise CarouselError(
                    f"the search space of {name} has {shown(setting)}, which is not a field of "
                    f"{self.settings.__name__}"
                )

    @property
    def settings(self) -> type[Settings]:
        """The class of its settings."""
        return type(self.preset)

    def refuse_missing(self) -> None:
        """Refuse an algorithm whose extra is not installed.

        Raises:
            CarouselError: it is not.
        """
        extra = self.extra
        if extra is not None and find_spec(extra.module) is None:
            raise CarouselError(
                f"{self.name} needs {extra.package}, which is not installed: pip install "
                f"'persona-carousel[{extra.name}]' brings it"
            )

    @cached_property
    def implementation(self) -> Implementation:
        """The classes that train; loaded once.

        Raises:
            CarouselError: its extra is not installed, or something cannot be imported.
        """
        self.refuse_missing()
        try:
            loaded = self.load()
        except ImportError as error:
            if (extra := self.extra) is None:
                raise CarouselError(f"{self.name} cannot be loaded: {error}") from error
            raise CarouselError(
                f"{self.name} needs {extra.package}, which cannot be imported: {error}; pip "
                f"install 'persona-carousel[{extra.name}]' brings what fits together"
            ) from None
        if not hasattr(loaded, "build"):
            raise CarouselError(
                f"load of {self.name} returned {shown(loaded)}; it must return an Implementation"
            )
        return loaded


ALGORITHMS: Registry[Algorithm] = Registry(
    "algorithm",
    "algorithms",
    builtin=tuple(
        f"{__package__}.{module}"
        for module in (
            *("ppo", "a2c", "dqn", "recurrent_ppo", "qr_dqn", "maskable_ppo", "trpo"),
            *("maskable_recurrent_ppo", "sbx"),
        )
    ),
)
"""Every algorithm by its name, this project's first."""


def core_algorithms() -> tuple[str, ...]:
    """Names of the algorithms that need no extra."""
    return tuple(name for name, one in ALGORITHMS.items() if one.extra is None)


def algorithms_with_extras() -> tuple[str, ...]:
    """Names of the algorithms that need an extra, installed or not."""
    return tuple(name for name, one in ALGORITHMS.items() if one.extra is not None)
