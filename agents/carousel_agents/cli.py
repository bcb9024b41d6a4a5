"""The command line: `carousel …`.

Exit codes: 0; 1 when something failed (one sentence says why); 2 for wrong usage.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from carousel_envs import (
    CarouselEnv,
    CarouselError,
    Population,
    __version__,
    column_names,
    environment_ids,
)
from carousel_envs.errors import whole_number
from carousel_envs.files import check_writable
from carousel_envs.lanes import MAX_LANES
from carousel_envs.population import presets
from carousel_envs.reference import solve
from carousel_envs.shifts import SHIFTS, parse_shift, shifted

from . import console, scripted
from .generalisation import evaluate as evaluate_router
from .routers import find_router, training_fingerprint

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Routers over personas: solve, train, evaluate and shift.",
)

EnvArgument = Annotated[
    str, typer.Argument(metavar="ENV", help="an id such as Carousel/Boredom-v0, or just Boredom")
]
RouterArgument = Annotated[
    str,
    typer.Argument(
        metavar="ROUTER",
        help="a policy file (.safetensors) or a scripted name: see `carousel envs`",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on standard output")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="change a population field; may be repeated"),
]
UsersOption = Annotated[int, typer.Option(help="sessions to play")]
SeedOption = Annotated[int, typer.Option(help="session i uses the streams of seed + i")]


def environment(name: str, changes: list[str] | None) -> tuple[str, Population]:
    """The id and the population that ENV and --set name.

    Raises:
        CarouselError: no such environment, field or value.
    """
    full = _known(name, _of_users())
    population = Population.preset(full.removeprefix("Carousel/").removesuffix("-v0"))
    fields: dict[str, Any] = {}
    for change in changes or []:
        field, equals, text = change.partition("=")
        if not equals or not field:
            raise CarouselError(f"--set {change!r} must have the form field=value")
        try:
            fields[field] = json.loads(text)
        except (ValueError, RecursionError):
            fields[field] = text
    return full, population.replace(**fields) if fields else population


def _of_users() -> tuple[str, ...]:
    """Ids of the environments whose population is one of users, not of questions."""
    return tuple(f"Carousel/{name}-v0" for name in presets())


def _known(name: str, known: tuple[str, ...]) -> str:
    full = name if "/" in name else f"Carousel/{name}-v0"
    if full not in known:
        raise CarouselError(f"environment {name!r} is unknown; known are {', '.join(known)}")
    return full


def _version(wanted: bool) -> None:
    if wanted:
        console.say(f"carousel {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say the version")
    ] = False,
) -> None:
    """Routers over personas: solve, train, evaluate and shift."""


@app.command()
def envs(as_json: JsonOption = False) -> None:
    """List environments and scripted routers."""
    populations = {name: environment(name, None)[1] for name in _of_users()}
    routers = [{"router": name, "description": scripted.describe(name)} for name in scripted.NAMES]
    if as_json:
        rows = [
            {"env": name, "population": population.model_dump(mode="json")}
            for name, population in populations.items()
        ]
        console.print_json({"environments": rows, "routers": routers})
        return
    heads = ("environment", "personas", "turns", "fit", "hazard", "swap cost")
    console.print_table(
        "Environments",
        heads,
        (
            (
                name,
                str(p.n_actions),
                str(p.session_length),
                str(p.fit),
                str(p.boredom_hazard),
                str(p.swap_cost),
            )
            for name, p in populations.items()
        ),
    )
    console.print_table(
        f"Scripted routers (with the prefix {scripted.FROZEN!r}: solved for the training users)",
        ("router", "what it does"),
        ((row["router"], row["description"]) for row in routers),
    )


@app.command()
def reference(env: EnvArgument, changes: SetOption = None, as_json: JsonOption = False) -> None:
    """Solve an environment: the optimum or bounds on it, and what simpler routers reach."""
    name, population = environment(env, changes)
    with console.ERR.status(f"solving {name}"):
        figures = solve(population).summary()
    document = {"env": name, "population_fingerprint": population.fingerprint, **figures}
    if as_json:
        console.print_json(document)
        return
    thresholds, errors = figures.pop("thresholds"), figures.pop("standard_errors")
    console.print_figures(f"{name}, expected engagement per session", figures)
    for figure, error in errors.items():
        console.say(f"{figure} was simulated; its standard error is {error:.4f}")
    if thresholds:
        some = [1, population.session_length // 2, population.session_length - 1]
        console.print_table(
            "The optimum swaps before turn t when P(bored) reaches",
            ("persona", *(f"t = {t + 1}" for t in some)),
            (
                (persona, *(console.number(row[t]) for t in some))
                for persona, row in thresholds.items()
            )
            if population.session_length > 1
            else (),
        )


@app.command()
def frontier(
    env: EnvArgument = "Welfare",
    points: Annotated[int, typer.Option(help="most points to show, 2 to 1000")] = 9,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trade engagement against welfare: the best routers for every weighing of the two."""
    from .tradeoff import frontier_document, print_frontier

    name, population = environment(env, changes)
    with console.ERR.status(f"solving {name}"):
        document = frontier_document(name, population, points)
    if as_json:
        console.print_json(document)
    else:
        print_frontier(document)


@app.command()
def shifts(
    env: Annotated[str | None, typer.Argument(metavar="[ENV]")] = None, as_json: JsonOption = False
) -> None:
    """List the shifts, and with ENV which of them mean nothing there."""
    population = environment(env, None)[1] if env else None
    rows = [
        {
            "axis": shift.name,
            "kind": shift.kind,
            "moves": list(shift.moves),
            "description": shift.description,
            "obstacle": shift.obstacle(population) if population else "",
        }
        for shift in SHIFTS.values()
    ]
    if as_json:
        console.print_json({"shifts": rows})
        return
    console.print_table(
        "Shifts, severity 0 (training) to 1",
        ("axis", "kind", "what happens"),
        (
            (
                str(row["axis"]),
                str(row["kind"]),
                f"{row['description']}"
                + (f" (not here: {row['obstacle']})" if row["obstacle"] else ""),
            )
            for row in rows
        ),
    )


@app.command()
def train(
    env: EnvArgument,
    out: Annotated[Path, typer.Option(help="policy file to write (.safetensors)")],
    algo: Annotated[str, typer.Option(help="learning algorithm: ppo")] = "ppo",
    steps: Annotated[int, typer.Option(help="environment steps")] = 2_000_000,
    seed: Annotated[int, typer.Option(help="of network, batches and sessions")] = 0,
    changes: SetOption = None,
    force: Annotated[bool, typer.Option("--force", help="replace an existing file")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a router and write it as a policy file."""
    name, population = environment(env, changes)
    _refuse_to_replace(out, force)
    if out.suffix != ".safetensors":
        raise CarouselError(f"--out is {str(out)!r}; a policy file must end in .safetensors")
    check_writable(out)
    file = train_with_progress(name, population, algo, steps, seed)
    file.save(out)
    document = {"file": str(out), "env": name, "algorithm": algo, **file.training}
    if as_json:
        console.print_json(document)
    else:
        rate = file.training["steps"] / file.training["seconds"]
        console.say(
            f"wrote {out}: {algo}, {file.training['steps']} steps in "
            f"{file.training['seconds']:.1f} s ({rate:,.0f} steps/s)",
        )


def train_with_progress(name: str, population: Population, algo: str, steps: int, seed: int) -> Any:
    """Train behind a progress bar; the policy file, not yet written."""
    # torch takes seconds to import: only those who train pay for it
    with console.ERR.status("loading torch"):
        from .learning.train import Progress, check_request, train

    # before the bar is drawn, so that a bad request gives one sentence alone
    check_request(algo, steps, seed)
    with console.progress(f"training {algo} on {name}") as bar:

        def report(progress: Progress) -> None:
            bar(progress.steps, steps, f"return {progress.mean_return:.2f}")

        return train(
            population, environment=name, algorithm=algo, steps=steps, seed=seed, report=report
        )


@app.command()
def evaluate(
    router: RouterArgument,
    env: EnvArgument,
    shift: Annotated[
        list[str] | None,
        typer.Option(metavar="AXIS=SEVERITY", help="shift the users; may be repeated"),
    ] = None,
    changes: SetOption = None,
    users: UsersOption = 2000,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Play sessions with a router; score it against the reference of the users it met."""
    name, training = environment(env, changes)
    target = shifted(training, [parse_shift(text) for text in shift or []])
    with console.ERR.status(f"solving and playing {name}"):
        acting = find_router(router, target, training)
        result = evaluate_router(acting, target, users=users, seed=seed)
    trained_on = training_fingerprint(acting)
    if trained_on not in (None, training.fingerprint):
        print(
            f"carousel: note: {acting.name} was trained on other users than those of {name}",
            file=sys.stderr,
        )
    document = {
        "router": acting.name,
        "env": name,
        "shifts": shift or [],
        "population_fingerprint": target.fingerprint,
        "training_fingerprint": trained_on,
        **result.row(),
    }
    if as_json:
        console.print_json(document)
    else:
        console.print_figures(f"{acting.name} on {name} {' '.join(shift or [])}", result.row())
        if result.score is None:
            console.say("no score: listening to these users is worth nothing (value = blind)")


@app.command()
def generalise(
    router: RouterArgument,
    env: EnvArgument,
    out: Annotated[Path, typer.Option(help="folder for summary.json and report.html")],
    axis: Annotated[
        list[str] | None, typer.Option(help="only this axis; may be repeated (default: all)")
    ] = None,
    changes: SetOption = None,
    users: UsersOption = 2000,
    seed: SeedOption = 0,
    force: Annotated[bool, typer.Option("--force", help="replace existing results")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a router through the shifts, beside the frozen loop and the re-derived optimum."""
    from .study import print_study, run_study

    name, population = environment(env, changes)
    _refuse_to_replace(out / "summary.json", force)
    # a wrong router is told before anything is played
    acting = find_router(router, population)
    if training_fingerprint(acting) not in (None, population.fingerprint):
        raise CarouselError(
            f"router {acting.name!r} was trained on other users than those of {name}; shifts are "
            "measured from the training users (give the --set it was trained with)"
        )
    summary = run_study(
        name, population, router, out, users=users, seed=seed, axes=axis, changes=changes or []
    )
    if as_json:
        console.print_json(summary)
    else:
        print_study(summary, out)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="folder to write to; replaced")] = Path("runs/demo"),
    steps: Annotated[int, typer.Option(help="environment steps of training")] = 2_000_000,
    users: UsersOption = 10_000,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Train PPO on Boredom, compare it, shift the users, write a page to look at."""
    from .study import check_study, print_study, run_study

    name, population = environment("Boredom", None)
    policy = out / "ppo.safetensors"
    check_study(out, users, seed, None)
    check_writable(policy)
    file = train_with_progress(name, population, "ppo", steps, seed)
    file.save(policy)
    summary = run_study(
        name,
        population,
        str(policy),
        out,
        users=users,
        seed=seed,
        training={"algo": "ppo", "requested_steps": steps, **file.training},
        command="carousel demo"
        + (f" --out {out}" if out != Path("runs/demo") else "")
        + (f" --steps {steps}" if steps != 2_000_000 else "")
        + (f" --users {users}" if users != 10_000 else "")
        + (f" --seed {seed}" if seed else ""),
    )
    if as_json:
        console.print_json(summary)
    else:
        print_study(summary, out)


@app.command()
def watch(
    router: RouterArgument,
    env: EnvArgument,
    shift: Annotated[list[str] | None, typer.Option(metavar="AXIS=SEVERITY")] = None,
    changes: SetOption = None,
    seed: Annotated[int, typer.Option(help="of the session")] = 0,
    user: Annotated[int, typer.Option(help="row of the user table; -1: drawn")] = -1,
    as_json: JsonOption = False,
) -> None:
    """Watch one session, turn by turn, with what is hidden from the router."""
    name, training = environment(env, changes)
    target = shifted(training, [parse_shift(text) for text in shift or []])
    acting = find_router(router, target, training)
    game = CarouselEnv(population=target, render_mode="ansi")
    observation, _ = game.reset(seed=seed, options={"user": user})
    state, over, total = acting.initial_state(1, seed), False, 0.0
    if not as_json:
        console.say(f"{acting.name} on {name}, seed {seed}")
    turns = []
    while not over:
        picks, state = acting.act(observation[None], state)
        observation, reward, terminated, truncated, info = game.step(int(picks[0]))
        total += reward
        over = terminated or truncated
        speaker = target.personas[int(observation[game.columns.persona].argmax())]
        turns.append(
            {
                "persona": speaker,
                "reward": reward,
                "mood": ("fresh", "bored")[info["mood"]],
                "engagement_mean": info["engagement_mean"],
                "swapped": info["swapped"],
                "refused": info["refused"],
                "shown": dict(zip(column_names(target), observation.tolist(), strict=True)),
            }
        )
        if not as_json:
            console.say(str(game.render()))
    if as_json:
        console.print_json(
            {"router": acting.name, "env": name, "seed": seed, "total": total, "turns": turns}
        )
    else:
        console.say(f"total reward {total:.2f}")


@app.command()
def speed(
    env: EnvArgument = "Boredom",
    lanes: Annotated[int, typer.Option(help="sub-environments of ours")] = 1024,
    blocks: Annotated[int, typer.Option(help="timed blocks of each, at least 3")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Time stepping side by side with Gymnasium's native vector CartPole."""
    from .benchmark.speed import measure

    name = _known(env, environment_ids())
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


def _refuse_to_replace(path: Path, force: bool) -> None:
    if path.exists() and not force:
        raise CarouselError(f"{path} exists; give --force to replace it")


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app(standalone_mode=True)
    except CarouselError as error:
        _fail(str(error), 1)
    except _Interrupted:
        _fail("interrupted; nothing more was written", 130)
    except OSError as error:
        _fail(f"standard output cannot be written: {error.strerror or error}", 1)


class _Interrupted(BaseException):
    """Ctrl-C, under a name that nothing on the way catches and turns into silence."""


def _interrupt(*_: object) -> None:
    raise _Interrupted


def _fail(sentence: str, code: int) -> None:
    print(f"carousel: {sentence}", file=sys.stderr)
    # what is left in the buffer of a standard output that cannot be written must not be tried again
    os._exit(code) if code == 1 and not _flushed() else sys.exit(code)


def _flushed() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
