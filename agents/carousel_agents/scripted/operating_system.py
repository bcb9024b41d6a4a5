"""`operating-system`: a neutral simulation of the persona that best explains the conversation.

The view of Marks, Lindsey and Olah (2026) in which only personas have goals: each turn enacts the
persona that is most probable given what the user shows of their taste; engagement and boredom play
no part. In this model users show their taste in one way only: they are fresh more often with a
persona that suits them, and cues tell fresh from bored. So

    P(persona | cues) = sum over kinds of P(kind | cues so far) fit[kind, persona] / sum of fit,

the last sum over the available personas: a persona is as probable for a kind of user as it suits
them. The belief over kinds is that of the exact filter for a model in which engagement, leaving and
goodbyes carry no information. The filter follows the mood as well, because otherwise the boredom
that any persona brings with time would be read as dislike; but the pick does not depend on it. A
swap comes when the most probable persona changes, and for no other reason: neither its cost nor its
gain is weighed, and where every persona suits every user alike it never happens. Questions show
their topic and year; there it picks the persona that most probably knows the answer, whatever is
rewarded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.compiled import observations
from carousel_envs.compiled.compiler import njit
from carousel_envs.reference import Belief, Filter, RecallReference, solve
from carousel_envs.reference.model import Model
from carousel_envs.reference.reference import MAX_PLANNING_KINDS
from carousel_envs.registry import users_of
from carousel_envs.spec import model_of

from ..router import RouterSpec, register

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy


_TIE = 1e-9
_U = np.uint64


@njit
def _shares(fit, there, shares):  # type: ignore[no-untyped-def]
    """How probable the available personas are for each kind of user, shape (kinds, personas)."""
    n_kinds, n_k = _U(fit.shape[0]), _U(fit.shape[1])
    for a in range(n_kinds):
        suits, n_there = 0.0, 0
        for k in range(n_k):
            if there[k]:
                suits += fit[a, k]
                n_there += 1
        for k in range(n_k):
            shares[a, k] = fit[a, k] / suits if suits > 0.0 else 1.0 / n_there


@njit
def _most_probable(joint, fit, observation, seen, picks):  # type: ignore[no-untyped-def]
    """The most probable of the available personas; a tie goes to the current one."""
    persona, available, streak, n_actions = seen
    n_kinds, n_k = _U(fit.shape[0]), _U(fit.shape[1])
    probable, shares, there = np.zeros(n_k), np.zeros(fit.shape), np.ones(n_k, dtype=np.bool_)
    _shares(fit, there, shares)
    for i in range(_U(joint.shape[0])):
        # availability rarely differs from that of the lane before
        others = False
        for k in range(n_k):
            here = observation[i, _U(available) + k] > 0.5
            others |= here != there[k]
            there[k] = here
            probable[k] = 0.0
        if others:
            _shares(fit, there, shares)
        for a in range(n_kinds):
            kind = joint[i, a, 0] + joint[i, a, 1]
            for k in range(n_k):
                probable[k] += kind * shares[a, k]
        best, found = -1.0, _U(0)
        for k in range(n_k):
            if there[k] and probable[k] > best + _TIE:
                best, found = probable[k], _U(k)
        if observation[i, _U(streak)] > 0.5:
            speaks = _U(observations.largest(observation, i, persona, n_actions))
            # the current action may enact none of the personas
            if speaks < n_k and there[speaks] and probable[speaks] >= best - _TIE:
                found = speaks
        picks[i] = found


@dataclass
class OperatingSystemPolicy:
    """Enact the most probable persona.

    Attributes:
        filter: hears cues alone (`deaf`).
        fit: of each persona with each kind of user, shape (kinds, personas).
    """

    filter: Filter
    fit: NDArray[np.float64]

    def initial_state(self, lanes: int, seed: int) -> Belief:
        """The belief of N lanes before their first turn."""
        return self.filter.start(lanes)

    def act(
        self, observation: NDArray[np.float32], state: Belief
    ) -> tuple[NDArray[np.int64], Belief]:
        """The picks of N lanes, shape (N,), and the updated belief.

        Raises:
            CarouselError: see `Filter.update`.
        """
        columns = self.filter.columns
        belief = self.filter.update(state, observation)
        picks = np.empty(len(observation), dtype=np.int64)
        seen = (
            columns.persona.start,
            columns.available.start,
            columns.streak,
            columns.n_actions,
        )
        _most_probable(belief.joint, self.fit, observation, seen, picks)
        return picks, belief


def deaf(model: Model) -> Model:
    """The same users, whose engagement, leaving and goodbyes carry no information."""
    return replace(
        model,
        engagement=np.full_like(model.engagement, 0.5),
        leave=np.zeros_like(model.leave),
        farewell=np.full_like(model.farewell, 0.5),
        gain=np.zeros_like(model.gain),
        memory=np.zeros_like(model.memory),
    )


def build(population: AnyPopulation) -> Policy:
    """The neutral simulation for a population."""
    if not model_of(population).has_users:
        return _most_knowledgeable(population)
    users = users_of(population, "")
    model = Model.of(users).merged(MAX_PLANNING_KINDS)
    fit = np.ascontiguousarray(model.fit[:, : model.personas])
    return OperatingSystemPolicy(Filter(users, deaf(model)), fit)


def _most_knowledgeable(population: AnyPopulation) -> Policy:
    """For questions: the persona that most probably knows the answer, whatever is rewarded.

    Raises:
        CarouselError: neither users nor questions.
    """
    reference = solve(population)
    if isinstance(reference, RecallReference):
        return reference.greedy_policy
    raise CarouselError(
        "router 'operating-system' needs cues of users, or questions; there are neither in "
        f"{type(population).__name__}"
    )


ROUTER = register(
    RouterSpec(
        "operating-system",
        "the persona most probable given the user's cues; never hears engagement or boredom",
        build,
    )
)
