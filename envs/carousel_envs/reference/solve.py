"""`solve`: the reference of a population, exact where that is possible and two-sided elsewhere."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from ..foundation.files import check_writable
from ..registry import any_population, users_of
from ..spec import entry, model_of
from ..users.observation import Columns
from .acting.belief_policies import ThresholdPolicy
from .acting.contexts import ContextIndex
from .acting.filtering import Filter
from .acting.myopic import MyopicPolicy
from .acting.open_loop import SchedulePolicy
from .certificate import certify
from .closing import Closing
from .hidden_kinds.population_bounds import solve_hidden_kinds
from .known_user.threshold_tables import threshold_tables
from .model import Model
from .reference import Reference
from .reference import best_fixed as _best_fixed
from .satiation.any_population import solve_by_relaxation
from .satiation.certain_moods import moods_are_certain
from .satiation.rotation import solve_hidden_rotation, solve_rotation
from .store import stored
from .unheard.uniform_choice import uniform_value
from .unsolved import play_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..registry import AnyPopulation
    from ..users.population import Population


def solve(
    population: AnyPopulation | str,
    *,
    gap: float | None = None,
    within: float | None = None,
    certificate: str | Path | None = None,
    report: Callable[[float, float], None] | None = None,
) -> Reference:
    """Solve a population, or the preset of this name (an equal population gives the same object).

    Args:
        population: whose reference is wanted, or the name of a preset.
        gap: where several kinds of user without satiation leave bounds, close them up to this share
            of the score's range, value - blind: from 0.001 to 1. None: up to 0.01, if some seconds
            of work can. Bounds that work of some minutes cannot close are returned as they are.
        within: seconds after which that search ends, with the bounds it has; a gap may be given,
            too. An interrupt (Ctrl-C) ends it in the same way.
        certificate: where a file is written that proves the bounds on the optimum (`proofs`), for
            users who do not satiate or say goodbye, and differ in whom they like alone. It takes a
            search of its own, with the same `gap` and `within`.
        report: called with both bounds, in engagement per session, after every round of it.

    The population's model says how (`ModelSpec.solve`); where it has no solver, the tier is "none"
    or "best known" and figures are simulated (`unsolved.play_reference`).

    Slow solutions are kept on disk, under the population's fingerprint (`store`).

    Raises:
        CarouselError: no population, and no preset of this name; a gap or a time that is not in
            its range; or a certificate is wanted that there is not, or that cannot be written.
    """
    known = any_population(population)
    model = model_of(known)
    closing = Closing.of(gap, within, report)
    if certificate is not None:
        path = Path(certificate)
        check_writable(path)
        certify(users_of(known, _NO_USERS), Closing.of(gap, within, report)).save(path)
    if model.has_users and not (closing.usual and report is None):
        return _solve_users(cast("Population", known), closing)
    if model.solve is None:
        return play_reference(known, model)
    return cast("Reference", entry(model.solve)(known))


_NO_USERS = "certificates are about users with moods; there are none"


@lru_cache(maxsize=128)
def solve_users(population: Population) -> Reference:
    """Solve users.

    One kind of user without satiation: exact dynamic programming on P(bored). Several kinds:
    point-based value iteration, from both sides. Satiation alone, with one kind of user:
    dynamic programming over reachable satiation. With several kinds: index policies (simulated) as
    the lower bound, a router to which the kind is soon revealed as the upper bound. Everything at
    once: the best of several policies (simulated), and the lesser of two relaxations.
    """
    return _solve_users(population, Closing.of(None, None, None))


def _solve_users(population: Population, closing: Closing) -> Reference:
    model = Model.of(population)
    if model.has_satiation:
        simple = not model.has_farewells and not model.pays.any()
        if moods_are_certain(model) and simple:
            known = (np.count_nonzero(model.joint, axis=0) == 1).all()
            return (solve_rotation if known else solve_hidden_rotation)(population, model)
        return _by_relaxation(population, model)
    if _worth_keeping(model) and (np.count_nonzero(model.joint, axis=0) == 1).all():
        return _solve_known_user(population, model)
    return solve_hidden_kinds(population, model, closing)


def _worth_keeping(model: Model) -> bool:
    """Whether nobody is worth more gone than present. Where turns may cost more than they bring, a
    bored user may be, who leaves sooner, and then it need not be optimal to swap from some P(bored)
    on. So every persona must bring what it costs in either mood; or never, if another one does."""
    fair = (model.worth >= 0.0).all(axis=(0, 2))
    useless = (model.worth <= 0.0).all(axis=(0, 2))
    return bool((fair | useless).all() and (model.masks & fair).any(axis=1).all())


def _by_relaxation(population: Population, model: Model) -> Reference:
    return solve_by_relaxation(population, model, solve_users(relaxed(population)))


def relaxed(population: Population) -> Population:
    """The same users without satiation."""
    return population.alike(satiation_gain=0.0)


# -- one kind of user, no satiation ---------------------------------------------------------------


def _solve_known_user(population: Population, model: Model) -> Reference:
    # one solution per context, each of which may take seconds
    found = stored("belief", population, lambda: threshold_tables(model))
    best_fixed, best_persona = _best_fixed(population, model)
    commonest = int(model.mask_weights.argmax())
    thresholds = {
        name: tuple(float(x) if x <= 1.0 else None for x in found["threshold"][commonest][:, i, 0])
        for i, name in enumerate(population.actions)
    }
    known = Filter(population, model)
    contexts = ContextIndex(Columns.of(population), model.contexts)
    return Reference(
        tier="exact",
        value=float(found["lower"]),
        value_upper=float(found["upper"]),
        blind=float(found["blind"]),
        best_fixed=best_fixed,
        uniform=uniform_value(model),
        myopic=float(found["myopic"]),
        best_persona=best_persona,
        thresholds=thresholds,
        policy=ThresholdPolicy(
            known, contexts, found["threshold"], found["target"], found["first"]
        ),
        blind_policy=SchedulePolicy(Columns.of(population), contexts, found["schedules"]),
        myopic_policy=MyopicPolicy(known),
    )
