"""How many users must be seen: scores on training users and on new ones, by the number trained on.

Policies trained on n users of a population meet some of these users, and new users drawn from the
same ranges. What a policy gains on the former alone it has memorised, except for what the two
tables, each with an optimum of its own, differ by: the frozen loop, which cannot memorise, meets
both as well, and its gap says how much that is. Users must differ: in a population of users who are
all alike nobody is new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from carousel_envs import CarouselError
from carousel_envs.spec import model_of

from .encounters import Played
from .players import Player
from .shift_plan import Axis, Target
from .shift_suite import play
from .statistics import interval, iqm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carousel_envs.registry import AnyPopulation

    from .user_samples import Sample

AXIS = Axis(
    "users",
    "covariate",
    "severity 0: users of training; severity 1: new users from the same ranges",
    "interpolation",
)
LOOP = Player("frozen-loop", companion=True)
"""Plays both tables beside the policies; it cannot memorise users."""


def refuse_other_ranges(players: Sequence[Player], source: AnyPopulation) -> None:
    """Refuse policies whose training users differ from these by more than their number and draw.

    Raises:
        CarouselError: a router is scripted, or was trained on other users.
    """
    for player in players:
        if player.file is None:
            raise CarouselError(
                f"router {player.policy!r} was not trained; how many users it saw means nothing"
            )
        training = player.file.population
        same = model_of(training) is model_of(source) and model_of(source).has_users
        if not same or _ranges(training) != _ranges(source):
            raise CarouselError(
                f"router {player.policy!r} was trained on users of other ranges than those asked "
                "for (give the --set it was trained with, but for n_users and users_seed)"
            )


def _ranges(population: Any) -> Any:
    """The population that stands for its ranges, whichever users were drawn from them."""
    return population.replace(n_users=1, users_seed=0)


def meet(
    players: Sequence[Player],
    sample: Sample,
    *,
    environment: str,
    users: int = 2000,
    seed: int = 0,
) -> Played:
    """Evaluate policies on users of their training (severity 0) and on new ones (severity 1), and
    beside them the frozen loop of the same training users.

    Args:
        players: learned, of one training population.
        sample: the users they meet, of this population.
        environment: id, for the rows.
        users, seed: sessions, as in `evaluate`; every user plays several.

    Returns:
        Two rows of the schema for each of them. Scores are on the reference of the users they
        meet. The source is the same for all numbers and draws of users from the same ranges.

    Raises:
        CarouselError: see `evaluate`.
    """
    assert players[0].file is not None
    training = players[0].file.population
    shared = {"source": _ranges(training).fingerprint, "users_trained": training.n_users}
    rows: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    whom = (sample.seen, sample.new)
    for severity, (population, overlap) in enumerate(zip(whom, sample.overlap, strict=True)):
        played = play(
            Target(population, float(severity), (AXIS,)),
            [*players, LOOP],
            training,
            environment=environment,
            users=users,
            seed=seed,
        )
        rows += [{**row, **shared, "overlap": overlap} for row in played.rows]
        left_out |= played.left_out
    return Played(rows, left_out)


def curve(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Scores against the number of training users: one row per router and number, in that order,
    learned routers first.

    Args:
        rows: of `meet`, with the columns of `schema.SCHEMA`.

    Returns:
        Plain data: router, users_trained, seeds, overlap (of new users with training); `seen`,
        `new` and `gap` (seen less new, policy by policy), interquartile means over policies with
        95 % bootstrap intervals (`seen_low`, `seen_high`, ...; None with a single policy). All are
        None where listening is worth nothing, and where no session was played. The gap of the
        frozen loop is what the two tables differ by; it is not subtracted from any other.
    """
    found = []
    groups = rows.sort("users_trained", maintain_order=True).partition_by(
        ["router", "users_trained"], maintain_order=True
    )
    for group in sorted(groups, key=lambda g: (g["role"][0] == "frozen", str(g["router"][0]))):
        seen, new = (
            group.filter(pl.col("severity") == s).sort("policy", maintain_order=True)
            for s in (0.0, 1.0)
        )
        row = {
            "router": group["router"][0],
            "users_trained": group["users_trained"][0],
            "seeds": len(new),
            "overlap": new["overlap"].max(),
        }
        scores = {"seen": seen["score"], "new": new["score"]}
        both = len(seen) == len(new)
        lost = seen["score"] - new["score"] if both else pl.Series([None], dtype=pl.Float64)
        for name, values in (*scores.items(), ("gap", lost)):
            row |= _over_policies(name, values)
        found.append(row)
    return found


def _over_policies(name: str, values: pl.Series) -> dict[str, Any]:
    if values.is_empty() or values.null_count():
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    low, high = interval([values.to_numpy()]) or (None, None)
    return {name: float(iqm(values.to_numpy())), f"{name}_low": low, f"{name}_high": high}
