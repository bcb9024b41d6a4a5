"""How far apart two populations are: in nats per session, for whoever listens.

The distance of a target from a source is the relative entropy of what a router is shown, were
personas picked uniformly among the available ones:

    D(target || source) = E_target[log p_target(session) - log p_source(session)].

Kinds of user, moods and true questions are hidden and summed out. By the chain rule for relative
entropy (Cover & Thomas, Elements of Information Theory, 2nd ed., theorem 2.5.3) it is the sum over
turns of the expected relative entropy of the next turn given everything shown before. That inner
one is computed exactly and only histories are drawn, so that no term is below 0 and most of the
log-ratio's variance is gone (Rao-Blackwell). `docs/distance.md` has the cases without a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import CarouselError, Columns, Population, Questions, any_population
from carousel_envs.foundation.errors import whole_number
from carousel_envs.reference import Filter
from carousel_envs.reference.model import Model

from .question_terms import never_shown, question_nats
from .session_terms import ImpossibleError, SessionTerms, context_nats, session_terms

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation

SESSIONS = 2000
"""Sessions that are drawn unless somebody asks for more or fewer."""

SEED = 2**57
"""Where the streams of these sessions begin: apart from those of evaluation, of references and of
everything that makes a router (`scripted.streams`)."""

_SHOWN = ("fit", "hazard", "engagement", "leave", "farewell", "gain", "memory", "joint", "contexts")
_PAID = ("swap_cost", "welfare", "vulnerable_welfare", "farewell_harm", "unmask_payoff")
"""Fields of a population that move the reward or `info` alone."""

_IMPOSSIBLE = "the target shows what the source holds impossible: "


@dataclass(frozen=True)
class Distance:
    """How far a target is from a source.

    Attributes:
        nats: expected log-likelihood ratio per session of the target, 0 or more; None where whole
            sessions cannot be compared, or where what differs is never shown.
        nats_se: its standard error over sessions; 0 where it is exact, None for a single session.
        per_turn: the same per turn, over the part that both can show: expected nats there over
            expected turns there; None where there is no such part.
        per_turn_se: its standard error.
        note: why `nats` is None, or what was left out; empty if it is whole.
    """

    nats: float | None
    nats_se: float | None
    per_turn: float | None
    per_turn_se: float | None
    note: str


def distance(
    source: AnyPopulation | str,
    target: AnyPopulation | str,
    *,
    sessions: int = SESSIONS,
    seed: int = SEED,
) -> Distance:
    """The distance of a target from a source (see the head of this module).

    Exactly 0 where the target is the source. Questions are compared in closed form: nothing is
    drawn and the standard errors are 0. The same arguments give the same figures to the last digit.

    Args:
        source: the population of training, or the name of a preset.
        target: the population that is met instead, of the same make.
        sessions: how many of the target's are drawn, 1 to 2**31.
        seed: session i uses the streams of seed + i.

    Raises:
        CarouselError: no population, users and questions mixed, or a number that is not allowed.
    """
    source, target = any_population(source), any_population(target)
    sessions = whole_number("sessions", sessions, 1, 2**31)
    seed = whole_number("seed", seed, 0, 2**63 - 1 - sessions)
    if isinstance(source, Population) and isinstance(target, Population):
        return _of_users(source, target, sessions, seed)
    if isinstance(source, Questions) and isinstance(target, Questions):
        return _of_questions(source, target)
    raise CarouselError(
        "source and target are questions and users; a distance needs two populations of one make"
    )


def _none(note: str) -> Distance:
    return Distance(None, None, None, None, note)


# -- users ----------------------------------------------------------------------------------------


def _of_users(source: Population, target: Population, sessions: int, seed: int) -> Distance:
    columns, levels = Columns.of(target), target.cue_levels
    if (Columns.of(source), source.cue_levels) != (columns, levels):
        return _none("the two do not show the same columns: cues, levels, actions or signs differ")
    models = Model.of(source), Model.of(target)
    unshown = _unshown(source, target, models)
    if _same_shown(*models):
        if unshown:
            return _none(f"moves only what is paid ({unshown}), which no observation shows")
        return Distance(0.0, 0.0, 0.0, 0.0, "")
    notes = []
    turns = min(source.session_length, target.session_length)
    if source.session_length != target.session_length:
        notes.append(
            f"sessions of {source.session_length} and of {target.session_length} turns: only the "
            f"first {turns} are compared, without the share of the session gone"
        )
    first = context_nats(*models)
    if not np.isfinite(first):
        notes.append(
            "the source has no users with some of the visible contexts (who is available, who is "
            "vulnerable): compared given the context, in these with the source's users as a whole"
        )
        first = 0.0
    whole = not notes
    if unshown:
        notes.append(f"what is paid differs too ({unshown}), which no observation shows")
    filters = Filter(source, models[0]), Filter(target, models[1])
    try:
        terms = session_terms(*filters, target, turns=turns, sessions=sessions, seed=seed)
    except ImpossibleError as what:
        return _none(_IMPOSSIBLE + str(what))
    return _summed(terms, first, whole, "; ".join(notes))


def _same_shown(one: Model, other: Model) -> bool:
    """Whether two models show exactly the same, turn by turn and as long."""
    names = (*_SHOWN, "cues", "length", *(("hook",) if one.has_farewells else ()))
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def _unshown(source: Population, target: Population, models: tuple[Model, Model]) -> str:
    """Names of the fields that differ and are paid, not shown."""
    names = [name for name in _PAID if _differ(source, target, name)]
    one, other = models
    if _same_shown(one, other) and not np.array_equal(one.mean_welfare, other.mean_welfare):
        # users alike in all that they show may still be harmed more
        names = names or ["vulnerable_share"]
    return ", ".join(names)


def _differ(source: Population, target: Population, name: str) -> bool:
    if name in ("welfare", "vulnerable_welfare"):
        return not np.array_equal(source.per_action(name), target.per_action(name))
    return bool(getattr(source, name) != getattr(target, name))


def _summed(terms: SessionTerms, first: float, whole: bool, note: str) -> Distance:
    """The mean over sessions, and the ratio of means per turn with the standard error of a ratio
    (Cochran, Sampling Techniques, 3rd ed., section 6.4)."""
    nats, n = first + terms.nats, len(terms.nats)
    mean, length = float(nats.mean()), float(terms.turns.mean())
    rate = mean / length
    error, rate_error = None, None
    if n > 1:
        error = float(nats.std(ddof=1) / np.sqrt(n))
        apart = nats - rate * terms.turns
        rate_error = float(apart.std(ddof=1) / np.sqrt(n) / length)
    if not whole:
        return Distance(None, None, rate, rate_error, note)
    return Distance(mean, error, rate, rate_error, note)


# -- questions ------------------------------------------------------------------------------------


def _of_questions(source: Questions, target: Questions) -> Distance:
    shapes = [(one.n_topics, one.n_years, one.n_actions) for one in (source, target)]
    if shapes[0] != shapes[1]:
        return _none("the two do not show the same columns: topics, years or personas differ")
    per_question = question_nats(source, target)
    if not np.isfinite(per_question):
        return _none(_IMPOSSIBLE + never_shown(source, target))
    if source.session_length != target.session_length:
        turns = min(source.session_length, target.session_length)
        note = (
            f"sessions of {source.session_length} and of {target.session_length} questions: only "
            f"the first {turns} are compared, without the share of the session gone"
        )
        return Distance(None, None, per_question, 0.0, note)
    return Distance(target.session_length * per_question, 0.0, per_question, 0.0, "")
