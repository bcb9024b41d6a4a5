"""Checks for authors of Gymnasium vector environments.

Gymnasium's `check_env` is for scalar environments. Vector environments fail in other ways: a reset
that is counted as a turn, lanes that share their random numbers, an array that the next step
overwrites. `check_vector_env` looks for that, in any vector environment.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ..foundation.errors import CarouselError, shown, whole_number
from . import against_scalar, autoreset, calls, contract, masks, ownership, resets, seeding
from .play import described
from .report import Finding, Outcome, Report, Verdict, failed, skipped
from .subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    import gymnasium as gym

    from .play import Env

__all__ = ["CHECKS", "Finding", "Outcome", "Report", "check_vector_env"]

_FUNCTIONS: tuple[Callable[[Subject], Verdict], ...] = (
    contract.metadata,
    contract.batched_spaces,
    contract.observations,
    contract.rewards,
    contract.flags,
    contract.infos,
    seeding.same_seed,
    seeding.different_seeds,
    seeding.different_lanes,
    seeding.unseeded_reset,
    seeding.lane_independence,
    seeding.batch_size,
    against_scalar.scalar_spaces,
    against_scalar.scalar_lanes,
    against_scalar.scalar_infos,
    against_scalar.episode_lengths,
    autoreset.autoreset,
    autoreset.reset_row,
    autoreset.final_values,
    autoreset.partial_reset,
    resets.reset_after_end,
    masks.action_masks,
    masks.action_masks_method,
    masks.final_action_masks,
    ownership.returned_arrays_kept,
    ownership.returned_arrays_written,
    ownership.actions_kept,
    ownership.deep_copy,
    ownership.pickling,
    calls.default_options,
    calls.unknown_options,
    calls.options_kept,
    calls.reset_mask,
    calls.step_before_reset,
    calls.actions_out_of_range,
    calls.closing,
)

CHECKS: dict[str, str] = {f.__name__: str(f.__doc__) for f in _FUNCTIONS}
"""Every check, in order: its name, and one sentence that states what must hold."""


def check_vector_env(
    env: Env | Callable[[], Env],
    *,
    scalar: gym.Env[Any, Any] | Callable[[], gym.Env[Any, Any]] | None = None,
    seed: int = 0,
    steps: int = 200,
    ignore: Collection[str] = (),
) -> Report:
    """Check a vector environment.

    Args:
        env: preferably a function without arguments that makes the environment; or an environment
            that has not been reset. It is not played itself: the checks play environments made
            from its spec if it has one and is not wrapped, else deep copies of it.
        scalar: the environment of a single lane: a scalar environment (which is played), a
            function that makes one, or None for that of the environment's spec. Without one, the
            checks that need it are skipped.
        seed: of the environments and of the actions, which are drawn at random.
        steps: steps that a check plays, 2 to 100000; enough for a few episodes to end.
        ignore: names of checks to leave out; see `CHECKS`.

    Returns:
        One finding per check. No exception of the environment ends the report early: it
        becomes a finding. The same arguments give the same report.

    Raises:
        CarouselError: an argument is not allowed.
    """
    seed = whole_number("seed", seed, 0, 2**31)
    steps = whole_number("steps", steps, 2, 100_000)
    if isinstance(ignore, str) or not isinstance(ignore, Collection):
        raise CarouselError(f"ignore is {shown(ignore)}; it must be a list of names of checks")
    for name in ignore:
        if not isinstance(name, str) or name not in CHECKS:
            raise CarouselError(f"ignore names {shown(name)}; the checks are {', '.join(CHECKS)}")
    subject = Subject(env, scalar, seed, steps)
    findings = []
    for function in _FUNCTIONS:
        name = function.__name__
        verdict = skipped("left out on request") if name in ignore else _run(function, subject)
        findings.append(Finding(name, *verdict))
    return Report(str(subject), tuple(findings))


def _run(function: Callable[[Subject], Verdict], subject: Subject) -> Verdict:
    try:
        return function(subject)
    except Exception as error:
        # an environment may raise anything, and the reader needs to know what
        return failed(f"raised {described(error)}")
    finally:
        subject.release()
