"""Commands that train routers and take them through shifts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from carousel_envs import CarouselError, Population
from carousel_envs.files import check_writable

from .. import console
from ..routers import find_router, training_fingerprint
from .options import (
    EnvArgument,
    JsonOption,
    RouterArgument,
    SeedOption,
    SetOption,
    UsersOption,
    environment_of_users,
    refuse_to_replace,
)


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
    name, population = environment_of_users(env, changes)
    refuse_to_replace(out, force)
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
        from ..learning.train import Progress, check_request, train

    # before the bar is drawn, so that a bad request gives one sentence alone
    check_request(algo, steps, seed)
    with console.progress(f"training {algo} on {name}") as bar:

        def report(progress: Progress) -> None:
            bar(progress.steps, steps, f"return {progress.mean_return:.2f}")

        return train(
            population, environment=name, algorithm=algo, steps=steps, seed=seed, report=report
        )


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
    from ..study import print_study, run_study

    name, population = environment_of_users(env, changes)
    refuse_to_replace(out / "summary.json", force)
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


def demo(
    out: Annotated[Path, typer.Option(help="folder to write to; replaced")] = Path("runs/demo"),
    steps: Annotated[int, typer.Option(help="environment steps of training")] = 2_000_000,
    users: UsersOption = 10_000,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Train PPO on Boredom, compare it, shift the users, write a page to look at."""
    from ..study import check_study, print_study, run_study

    name, population = environment_of_users("Boredom")
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
