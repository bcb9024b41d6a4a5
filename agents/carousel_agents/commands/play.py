"""Commands that play: evaluate a router, time the steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import whole_number
from carousel_envs.lanes.base import MAX_LANES
from carousel_envs.metrics import METRICS
from carousel_envs.registry import environment_id

from ..generalisation import beside
from ..generalisation import evaluate as evaluate_router
from ..generalisation.changed_population import shifted_population
from ..router import find_router, is_file, training_fingerprint
from ..system import console
from .option_records import taking
from .options import (
    EnvArgument,
    JsonOption,
    RouterArgument,
    SeedOption,
    SetOption,
    ShiftOption,
    UsersOption,
    environment_after,
)

if TYPE_CHECKING:
    from carousel_envs.metrics import Metric

    from ..router import Router


@dataclass(frozen=True)
class EvaluateOptions:
    """Arguments and options of `carousel evaluate`."""

    router: RouterArgument
    env: EnvArgument
    shift: ShiftOption = None
    changes: SetOption = None
    users: UsersOption = 2000
    seed: SeedOption = 0
    masked: Annotated[
        bool, typer.Option("--masked", help="keep a learned policy from picking who is missing")
    ] = False
    as_json: JsonOption = False


@taking(EvaluateOptions)
def evaluate(asked: EvaluateOptions) -> None:
    """Play sessions with a router; score it against the reference of the users it met.

    Beside a learned router stand the best constant, uniform choice, the best schedule, a rule that
    counts signs, the hand-written loop and the optimum, on the same users with the same seed; under
    shift also the last four as solved for the training users and left unchanged.
    """
    name, training = environment_after([asked.router], asked.env, asked.changes)
    target = shifted_population(training, asked.shift or ())
    with console.status(f"solving and playing {name}"):
        acting = find_router(asked.router, target, training)
        if asked.masked:
            acting = _masked(acting)
        result = evaluate_router(acting, target, users=asked.users, seed=asked.seed)
        companions = (
            beside(target, asked.users, asked.seed, training) if is_file(asked.router) else []
        )
    trained_on = training_fingerprint(acting)
    if trained_on not in (None, training.fingerprint):
        console.tell(
            f"carousel: note: {acting.name} was trained on other users than those of {name}"
        )
    document = {
        "router": acting.name,
        "env": name,
        "shifts": asked.shift or [],
        "population_fingerprint": target.fingerprint,
        "training_fingerprint": trained_on,
        **result.row(),
        # a scripted router is one of the companions itself, or comparable to them
        **({"beside": companions} if companions else {}),
    }
    if asked.as_json:
        console.print_json(document)
    else:
        console.print_figures(
            f"{acting.name} on {name} {' '.join(asked.shift or [])}", result.row()
        )
        if result.score is None:
            nothing = "listening to these users is worth nothing (value = blind)"
            console.say(f"no score: {result.reference.reason or nothing}")
        for metric in METRICS.of_plugins():
            if metric not in result.metrics:
                console.say(f"no {metric}: {_missing(METRICS[metric])}")
        if companions:
            console.print_table(
                "On the same users, with the same seed",
                ("router", "engagement", "score", "95 % interval", "regret"),
                map(_beside_line, [{**document, "router": acting.name}, *companions]),
            )
            for row in companions:
                if row["reason"]:
                    console.say(f"{row['router']}: {row['reason']}")


def _masked(router: Router) -> Router:
    """The router, kept from picking who is missing.

    Raises:
        CarouselError: it is not learned.
    """
    from ..generalisation.players import MASKED
    from ..learning import LearnedRouter

    if not isinstance(router, LearnedRouter):
        raise CarouselError(
            f"router {router.name!r} is no policy file; --masked keeps learned policies from "
            "picking who is missing"
        )
    if router.file.network.masked or not router.file.available:
        console.tell(f"carousel: note: {router.name} picks nobody who is missing as it is")
    return replace(router, masks=True, name=f"{router.name}{MASKED}")


def _missing(metric: Metric) -> str:
    """Why these users lack a plugin's metric, as a clause."""
    if isinstance(metric.source, str):
        return f"the environment's info has no {metric.source!r}"
    return "it returns None for the first turn, which says that these users lack it"


def _beside_line(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        *(row["router"], console.number(row["engagement"]), console.number(row["score"])),
        console.interval(row),
        console.number(row["regret"]),
    )


def speed(
    env: EnvArgument = "Boredom",
    lanes: Annotated[int, typer.Option(metavar="N", help="sub-environments of ours")] = 1024,
    blocks: Annotated[int, typer.Option(metavar="N", help="timed blocks of each, at least 3")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Time stepping side by side with Gymnasium's native vector CartPole."""
    from ..benchmark.speed import measure

    name = environment_id(env)
    # before the bar is drawn, so that a bad number gives one sentence alone
    whole_number("lanes", lanes, 1, MAX_LANES)
    whole_number("blocks", blocks, 3, 1000)
    with console.progress("timing in turns") as bar:
        result = measure(name, lanes=lanes, blocks=blocks, report=lambda i, n: bar(i, n, ""))
    if as_json:
        console.print_json(result.row())
        return
    rows = (
        (f"{name}, in place", lanes, result.steps_per_second, result.ratio),
        (f"{name}, copied", lanes, result.copied_steps_per_second, result.copied_ratio),
        (result.peer, result.peer_lanes, result.peer_steps_per_second, 1.0),
    )
    console.print_table(
        "Steps on one thread, medians of blocks timed in turns",
        ("environment", "lanes", "million/s", "ratio"),
        ((who, str(n), f"{rate / 1e6:.1f}", f"{ratio:.2f}") for who, n, rate, ratio in rows),
    )
