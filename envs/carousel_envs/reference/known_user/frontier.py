"""The Pareto frontier between engagement and welfare, exactly.

For a weight w in [0, 1] the best router maximises (1 - w) engagement + w welfare per session; swap
costs count in engagement. Where each visible context holds one kind of user, the belief is P(bored)
alone and `belief_program` solves the weighted problem; its plans make a controller whose engagement
and welfare are both evaluated exactly (`controller`). Over all weights the optima trace the convex
hull of the outcomes that routers can reach: the Pareto frontier between the two objectives.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ...foundation.errors import CarouselError, shown, whole_number
from ...users.observation import Columns
from ...users.population import as_population
from ..acting.contexts import ContextIndex
from ..model import Model
from .belief_problem import BeliefProblem
from .belief_program import solve_belief
from .controller import Controller, Tally, collected
from .controller_policy import ControllerPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...users.population import Population

GRID = 257
POINTS = 9
_TIE = 1e-7  # weight of the other objective at an end: it decides among equals, and no more
_FLAT = 1e-6  # gain in weighted value below which a piece of the frontier counts as straight


@dataclass(frozen=True)
class Outcome:
    """Expected outcome of a router, per session.

    Attributes:
        engagement: expected engagement less swap costs.
        welfare: of all turns, less the harm of prevented farewells.
        kept: farewells prevented, that is, goodbyes after which a persona kept the user.
        session_length: turns played.
        swaps: swaps after the first pick.
    """

    engagement: float
    welfare: float
    kept: float
    session_length: float
    swaps: float


@dataclass(frozen=True, eq=False)
class FrontierPoint:
    """The best router at one weight; every figure is exact for `policy`.

    Attributes:
        weight: of welfare, w.
        everyone: mean over all users.
        vulnerable, others: mean over vulnerable users, and over the others; None where there are
            none.
        value_upper: no router has a larger (1 - w) engagement + w welfare.
        policy: the router (a `carousel_envs.rollout.Policy`).
    """

    weight: float
    everyone: Outcome
    vulnerable: Outcome | None
    others: Outcome | None
    value_upper: float
    policy: ControllerPolicy = field(repr=False)

    @property
    def engagement(self) -> float:
        """Mean engagement per session, less swap costs."""
        return self.everyone.engagement

    @property
    def welfare(self) -> float:
        """Mean welfare per session."""
        return self.everyone.welfare

    @property
    def value(self) -> float:
        """The objective: at most `value_upper`, and below it by the error of the grid alone."""
        return self.worth(self.weight)

    def worth(self, weight: float) -> float:
        """(1 - weight) engagement + weight welfare."""
        return (1.0 - weight) * self.engagement + weight * self.welfare

    def row(self) -> dict[str, Any]:
        """All figures as plain data, without the policy."""
        groups = {name: getattr(self, name) for name in ("vulnerable", "others")}
        return {
            "weight": self.weight,
            **asdict(self.everyone),
            "value": self.value,
            "value_upper": self.value_upper,
            **{name: None if group is None else asdict(group) for name, group in groups.items()},
        }


def frontier(
    population: Population | str, weights: Sequence[float] | None = None, *, points: int = POINTS
) -> tuple[FrontierPoint, ...]:
    """The Pareto frontier between engagement and welfare, by rising weight of welfare.

    Engagement never rises along it and welfare never falls. Ties at either end go to the other
    objective, which weighs 1e-7 there.

    Args:
        population: whose users; each visible context must hold one kind of user without satiation
            (users who differ in vulnerability alone count as one where nothing shows it).
        weights: of welfare, each in [0, 1]. Without them weights are chosen so that points spread
            along the frontier: the next one is always perpendicular to the longest piece so far
            (Aneja and Nair 1979).
        points: how many to choose, 2 to 1000; fewer come back where the frontier has no more
            corners.

    Raises:
        CarouselError: an argument is not allowed, or these users are not exactly solvable.
    """
    population = as_population(population)
    whole_number("points", points, 2, 1000)
    _check_solvable(population)
    if weights is None:
        found = _spread_out(population, points)
    else:
        found = [_solve(population, weight) for weight in sorted(_checked(weights))]
    return tuple(_best_found(found, point) for point in found)


def engagement_optimal(population: Population | str) -> FrontierPoint:
    """The router that wants engagement alone; among equals, the one that does users most good."""
    return frontier(population, (0.0,))[0]


def welfare_optimal(population: Population | str) -> FrontierPoint:
    """The router that wants welfare alone; among equals, the one that engages most."""
    return frontier(population, (1.0,))[0]


def _checked(weights: Sequence[float]) -> list[float]:
    try:
        numbers = [float(weight) for weight in weights]
    except (TypeError, ValueError):
        numbers = []
    if not numbers or not all(0.0 <= number <= 1.0 for number in numbers):
        raise CarouselError(
            f"weights is {shown(weights)}; it must hold at least one number, each in [0, 1]"
        )
    return numbers


def _check_solvable(population: Population) -> None:
    if not population.has_welfare:
        raise CarouselError(
            "these users keep no welfare; set welfare, vulnerable_welfare or farewell_harm"
        )
    model = Model.of(population)
    if model.has_satiation:
        raise CarouselError(
            "these users satiate; the frontier is exact only where satiation_gain is 0"
        )
    kinds = int(np.count_nonzero(model.joint, axis=0).max())
    if kinds > 1:
        raise CarouselError(
            f"up to {kinds} kinds of user look alike at first; the frontier is exact only where "
            "what is visible tells the kind"
        )


def _best_found(found: Sequence[FrontierPoint], point: FrontierPoint) -> FrontierPoint:
    """The point, with the policy that is best at its weight: one found for another weight may be,
    by less than the grid's error."""
    best = max(found, key=lambda other: other.worth(point.weight))
    return replace(best, weight=point.weight, value_upper=point.value_upper)


def _spread_out(population: Population, points: int) -> list[FrontierPoint]:
    """Points from end to end, each the best for the direction perpendicular to a piece."""
    found = [_solve(population, 0.0), _solve(population, 1.0)]
    lost = max(found[0].engagement - found[1].engagement, 1e-300)
    won = max(found[1].welfare - found[0].welfare, 1e-300)
    pieces = [(found[0], found[1])]
    while pieces and len(found) < points:
        longest = max(
            pieces,
            key=lambda piece: (
                (piece[0].engagement - piece[1].engagement) / lost
                + (piece[1].welfare - piece[0].welfare) / won
            ),
        )
        pieces.remove(longest)
        left, right = longest
        falls, rises = left.engagement - right.engagement, right.welfare - left.welfare
        if min(falls, rises) <= 0.0:
            continue
        point = _solve(population, falls / (falls + rises))
        if point.value > max(left.worth(point.weight), right.worth(point.weight)) + _FLAT:
            found.append(point)
            pieces += [(left, point), (point, right)]
    return sorted(found, key=lambda point: point.weight)


@lru_cache(maxsize=128)
def _solve(population: Population, weight: float) -> FrontierPoint:
    """The best router at a weight, context by context."""
    model = Model.of(population)
    w = min(max(weight, _TIE), 1.0 - _TIE)
    upper, controllers, figures = 0.0, [], []
    for j in range(len(model.contexts)):
        controller, high, figure = _solve_context(model, j, w)
        upper += float(model.mask_weights[j]) * high
        controllers.append(controller)
        figures.append(figure)
    # the bound holds for w; at the weight itself the two objectives may differ by that much more
    harm = float(np.abs(model.welfare).max()) + model.farewell_harm
    most = max(1.0, float(np.abs(model.pays).max()))
    upper += abs(w - weight) * model.length * (most + model.swap_cost + harm)
    vulnerable = model.vulnerable.sum(axis=0)
    plain, harmed = np.swapaxes(np.array(figures), 0, 1)
    return FrontierPoint(
        weight=weight,
        everyone=_outcome([*plain, *harmed], [*(model.mask_weights - vulnerable), *vulnerable]),
        vulnerable=_outcome(harmed, vulnerable) if vulnerable.any() else None,
        others=_outcome(plain, model.mask_weights - vulnerable)
        if (model.mask_weights - vulnerable > 1e-12).any()
        else None,
        value_upper=upper,
        policy=ControllerPolicy(
            population, model, ContextIndex(Columns.of(population), model.contexts), controllers
        ),
    )


def _outcome(figures: Sequence[NDArray[np.float64]], shares: Sequence[float]) -> Outcome:
    return Outcome(*(float(x) for x in np.average(figures, axis=0, weights=shares)))


def _solve_context(
    model: Model, context: int, w: float
) -> tuple[Controller, float, list[NDArray[np.float64]]]:
    """Controller for one context, upper bound, and the outcome for users who are not and who are
    vulnerable, shape (5,) each."""
    present = np.flatnonzero(model.masks[context])
    kind = int(model.joint[:, context].argmax())
    problem = BeliefProblem.of(model, kind, present)
    good = model.mean_welfare[kind, context, present]
    weighted = problem._replace(
        reward=(1.0 - w) * problem.reward + w * good[:, None],
        swap_cost=(1.0 - w) * problem.swap_cost,
        kept_loss=w * model.farewell_harm,
    )
    solution = solve_belief(weighted, GRID, keep_plans=True)
    controller = Controller.of(solution)
    none, every = np.zeros((len(present), 2)), np.ones((len(present), 2))
    shared = (
        Tally(problem.reward, swap=-model.swap_cost),
        Tally(none, kept=1.0),
        Tally(every, gone=1.0),
        Tally(none, swap=1.0),
    )
    gains = [
        Tally(every * welfare[:, None], kept=-model.farewell_harm)
        for welfare in model.welfare[:, present]
    ]
    engagement, *rest, plain, harmed = collected(problem, controller, (*shared, *gains))
    figures = [np.array([engagement, own, *rest]) for own in (plain, harmed)]
    return controller.spread(present, model.n_actions), solution.upper, figures
