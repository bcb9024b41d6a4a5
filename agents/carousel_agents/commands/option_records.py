"""Commands whose arguments and options are the fields of a record."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


def taking(record: type[R]) -> Callable[[Callable[[R], None]], Callable[..., None]]:
    """Make a command of a function that takes one record.

    Typer reads the arguments and options of a command from a signature; it is given the one of the
    record, whose fields are declared as parameters of a command would be.

    Args:
        record: a dataclass with a field per argument and option, those that are required first.
    """
    hints = get_type_hints(record, include_extras=True)
    parameters = [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(record).parameters.items()
    ]

    def decorate(command: Callable[[R], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def called(**given: Any) -> None:
            command(record(**given))

        # `wraps` has copied what says otherwise
        called.__annotations__ = {}
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return called

    return decorate
