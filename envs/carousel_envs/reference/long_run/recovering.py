"""Personas that recover while they rest, one at a time: Whittle indices and the fluid bound.

A *recovering* persona pays f(n) when it is enacted after n turns' rest, whatever happened before
(Pike-Burke & Grunewalder 2019, "Recovering bandits"). A *rebounding* one, as in this model, pays
max(b - g s, 0) with s <- memory (s + 1) when it is enacted and memory s when it rests (Leqi et al.
2021, arXiv 2011.06741): the traces of its earlier turns add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...compiled.compiler import njit
from ...compiled.copying import copy_matrix
from ...foundation.errors import CarouselError, real_number, shown, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


def read_rebounding(engagement: float, gain: float, memory: float) -> tuple[float, float, float]:
    """The parameters of a rebounding persona, checked."""
    return (
        real_number("engagement", engagement, 0.0, 1.0),
        real_number("gain", gain, 0.0, 100.0),
        real_number("memory", memory, 0.0, 1.0, below=True),
    )


def _refuse_unless_callable(name: str, given: Any) -> None:
    if not callable(given):
        raise CarouselError(f"{name} is {shown(given)}; it must be a function")


def whittle_index(reward: Callable[[int], float], rest: int) -> float:
    """Whittle index of a recovering persona after `rest` turns' rest (at least 1).

    W(n) = f(n) - n [f(n + 1) - f(n)]: the charge per pick at which enacting it every n turns and
    enacting it every n + 1 turns earn the same, (f(n) - W) / n = (f(n + 1) - W) / (n + 1). It rises
    in n where f is concave and rising, so the persona is indexable (Whittle 1988; Pike-Burke &
    Grunewalder 2019).

    Raises:
        CarouselError: an argument is not allowed.
    """
    _refuse_unless_callable("reward", reward)
    rest = whole_number("rest", rest, 1, 2**53)
    now = reward(rest)
    return now - rest * (reward(rest + 1) - now)


def rebounding_rate(
    engagement: float, gain: float, memory: float
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """f(n) = b - g memory^n / (1 - memory^n): the reward of each pick of a rebounding persona that
    is enacted every n turns, in the long run (while that is above 0).

    Raises:
        CarouselError: an argument is not allowed.
    """
    engagement, gain, memory = read_rebounding(engagement, gain, memory)

    def rate(turns: NDArray[np.float64]) -> NDArray[np.float64]:
        left = memory ** np.asarray(turns, dtype=np.float64)
        return np.asarray(engagement - gain * left / (1.0 - left))

    return rate


def fluid_rate(
    rates: Sequence[Callable[[NDArray[np.float64]], NDArray[np.float64]]],
    tolerance: float = 1e-10,
) -> float:
    """The most that any schedule can earn per turn in the long run: the fluid bound.

    max{sum x_i f_i(1 / x_i) : sum x_i <= 1}, where x_i is the share of turns of persona i, f_i is
    concave, and f_i(n) is the reward of each pick of persona i when it is enacted every n turns (by
    concavity no spacing of the same share of turns pays more). Turns are priced: a price p per pick
    leaves one concave problem per persona, max_x x (f_i(1 / x) - p), and p is bisected until the
    turns are used up. Every p gives an upper bound, so the result is one.

    Raises:
        CarouselError: an argument is not allowed, or a persona pays no finite number.
    """
    if not isinstance(rates, (list, tuple)) or not rates:
        raise CarouselError(
            f"rates are {shown(rates)}; they must be a list of functions, one per persona"
        )
    for i, rate in enumerate(rates):
        _refuse_unless_callable(f"rates[{i}]", rate)
    tolerance = real_number("tolerance", tolerance, 1e-12, 1.0)

    def best(rate: Callable[[NDArray[np.float64]], NDArray[np.float64]], price: float) -> float:
        """The share of turns that earns most at this price (golden section)."""
        low, high = 0.0, 1.0
        shrink = (np.sqrt(5.0) - 1.0) / 2.0
        for _ in range(60):
            pair = np.array([high - shrink * (high - low), low + shrink * (high - low)])
            worth = pair * (rate(1.0 / pair) - price)
            if worth[0] >= worth[1]:
                high = float(pair[1])
            else:
                low = float(pair[0])
        return 0.5 * (low + high)

    def worth(price: float) -> tuple[float, float]:
        """Bound at this price, and turns used."""
        shares = [best(rate, price) for rate in rates]
        earned = [
            max(x * (float(rate(np.array(1.0 / x))) - price), 0.0)
            for x, rate in zip(shares, rates, strict=True)
        ]
        return price + sum(earned), sum(shares)

    rested = [
        real_number(f"what rates[{i}] pays after a million turns", rate(np.array(1e6)), -1e6, 1e6)
        for i, rate in enumerate(rates)
    ]
    low, high = 0.0, max(*rested, 0.0)
    bound = min(worth(low)[0], worth(high)[0])
    while high - low > tolerance:
        price = 0.5 * (low + high)
        value, used = worth(price)
        bound = min(bound, value)
        if used > 1.0:
            low = price
        else:
            high = price
    return bound


class ReboundingPersona(NamedTuple):
    """A rebounding persona in sessions of finite length.

    Attributes:
        engagement, gain, memory: b, g, and the share of satiation kept from turn to turn.
        length: T.
        swap_cost: paid when a resting persona is enacted.
        leave: P(the user leaves) per turn.
    """

    engagement: float
    gain: float
    memory: float
    length: int
    swap_cost: float = 0.0
    leave: float = 0.0


@njit
def advantage(persona, charge, n):  # type: ignore[no-untyped-def]
    """Value of enacting a `ReboundingPersona` less that of resting it, against a constant charge
    per pick, shape (T, 2, n); axis 1: it rests, is active now; last axis: satiation, on an even
    grid from 0 to its largest value."""
    memory, stay = persona.memory, 1.0 - persona.leave
    top = max(memory / (1.0 - memory), 1e-6)
    width = top / (n - 1)
    gained = np.zeros((persona.length, 2, n))
    ahead, now = np.zeros((2, n)), np.zeros((2, n))
    for t in range(persona.length - 1, -1, -1):
        for g in range(n):
            s = g * width
            x = min(memory * s, top) / width
            i = min(int(x), n - 2)
            resting = stay * (ahead[0, i] + (x - i) * (ahead[0, i + 1] - ahead[0, i]))
            x = min(memory * (s + 1.0), top) / width
            i = min(int(x), n - 2)
            enacting = stay * (ahead[1, i] + (x - i) * (ahead[1, i + 1] - ahead[1, i]))
            enacting += max(persona.engagement - persona.gain * s, 0.0) - charge
            for active in range(2):
                worth = enacting - (persona.swap_cost if active == 0 else 0.0)
                gained[t, active, g] = worth - resting
                now[active, g] = max(worth, resting)
        copy_matrix(now, ahead)
    return gained


def rebounding_index(
    persona: ReboundingPersona, *, grid: int = 129, levels: int = 65
) -> NDArray[np.float64]:
    """Whittle index of a rebounding persona in a session of finite length.

    The greatest constant charge per pick, from turn t to the end, at which enacting and resting at
    turn t are worth the same. Without swap cost, and where rewards stay above 0, there is only one
    such charge (the persona is indexable; checked numerically in the tests). The swap cost is paid
    when a resting persona is enacted, so the current persona has the higher index, as in bandits
    with switching costs, which have no exact index (Asawa & Teneketzis 1996).

    Args:
        persona: whose index it is.
        grid: points of satiation.
        levels: charges at which the advantage of enacting is computed; linear between.

    Returns:
        Shape (T, 2, grid): turn; resting, active now; satiation on an even grid from 0 to
        memory / (1 - memory).

    Raises:
        CarouselError: an argument is not allowed.
    """
    persona = _read_persona(persona)
    grid = whole_number("grid", grid, 2, 100_000)
    levels = whole_number("levels", levels, 2, 100_000)
    # a pick can cost later picks no more than this, nor save more than a swap
    lost = persona.gain * persona.memory / (1.0 - persona.memory)
    most = lost + persona.swap_cost + 1e-3
    charges = np.linspace(-most, persona.engagement + persona.swap_cost + 1e-3, levels)
    index = np.full((persona.length, 2, grid), charges[0])
    before = np.zeros_like(index)
    for i, charge in enumerate(charges):
        # the advantage falls in the charge; the index is where it passes 0
        now = advantage(persona, float(charge), grid)
        if i > 0:
            passes = (before > 0.0) & (now <= 0.0)
            share = before[passes] / (before[passes] - now[passes])
            index[passes] = charges[i - 1] + share * (charge - charges[i - 1])
        before = now
    return index


def _read_persona(given: Any) -> ReboundingPersona:
    if not isinstance(given, ReboundingPersona):
        raise CarouselError(f"persona is {shown(given)}; it must be a ReboundingPersona")
    return ReboundingPersona(
        *read_rebounding(given.engagement, given.gain, given.memory),
        length=whole_number("length", given.length, 1, 10_000),
        swap_cost=real_number("swap_cost", given.swap_cost, 0.0, 100.0),
        leave=real_number("leave", given.leave, 0.0, 1.0),
    )
