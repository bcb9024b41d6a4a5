"""Writes the tables of docs/routers.md: every scripted router, played and scored.

    python docs/routers.py            three minutes, more where nothing is solved yet

Each score is that of `carousel evaluate ROUTER ENV --users 20000`.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from carousel_agents import scripted
from carousel_agents.generalisation import evaluate
from carousel_agents.router import ROUTERS
from carousel_envs import CarouselError, any_population
from carousel_envs.registry import AnyPopulation, vector_env
from carousel_envs.shifts import SHIFTS

PAGE = Path(__file__).parent / "routers.md"
USERS = 20_000
SCORED = ("Boredom", "Taste", "Satiation", "Welfare", "Recall")
MASKED = ("Boredom", "Taste", "Satiation", "Welfare", "Unmask")


def score(router: str, environment: str) -> str:
    """The score of a router, or a dash where it is refused."""
    population = any_population(environment)
    try:
        acting = scripted.make(router, population)
    except CarouselError:
        return "—"
    figure = f"{evaluate(acting, population, users=USERS).score:.2f}"
    return figure.replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")


def unmasked(training: AnyPopulation, target: AnyPopulation) -> str:
    """Share of sessions in which the masked planner of one population unmasks with another."""
    router = scripted.make("masked-planner", target, training)
    env = vector_env(target, USERS)
    users = np.arange(USERS) % target.n_users
    observation, _ = env.reset(seed=0, options={"user": users})
    state = router.initial_state(USERS, 0)
    off, alive = np.zeros(USERS, dtype=np.bool_), np.ones(USERS, dtype=np.bool_)
    while alive.any():
        picks, state = router.act(observation, state)
        off |= state.off & alive
        observation, _, terminated, truncated, _ = env.step(picks)
        alive &= ~(terminated | truncated)
    return f"{off.mean():.2f}" if off.mean() > 0.02 else f"{off.mean():.3f}"


def table(heads: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def scores() -> str:
    """Every router where it plays."""
    rows = [[f"`{name}`", *(score(name, env) for env in SCORED)] for name in ROUTERS]
    return table(("router", *SCORED), rows)


def masks() -> str:
    """The masked planner in training and under every shift at severity 1."""
    rows = [["training", *(unmasked(any_population(e), any_population(e)) for e in MASKED)]]
    for name, shift in SHIFTS.items():
        row = [f"`{name}`"]
        for environment in MASKED:
            training = any_population(environment)
            stands = shift.obstacle(training)
            row.append("—" if stands else unmasked(training, shift.apply(training, 1.0)))
        if set(row[1:]) != {"—"}:
            rows.append(row)
    return table(("users", *MASKED), rows)


def written(page: str, name: str, content: str) -> str:
    """The page with what stands between the marks of this name replaced."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
    if not re.search(pattern, page, flags=re.DOTALL):
        raise ValueError(f"{PAGE} has no place for {name}")
    return re.sub(pattern, lambda m: f"{m[1]}{content}\n{m[2]}", page, flags=re.DOTALL)


def main() -> None:
    """Play everything, then write."""
    page = PAGE.read_text(encoding="utf-8")
    for name, make in (("scores", scores), ("masks", masks)):
        page = written(page, name, make())
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
