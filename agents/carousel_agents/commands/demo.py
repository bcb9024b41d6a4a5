"""The command that shows all there is: a router is trained, shifted and shown on a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .learn import prepared, train_with_progress
from .options import JsonOption, SeedOption, UsersOption, environment_of_users


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder to write to; replaced")] = Path(
        "runs/demo"
    ),
    steps: Annotated[
        int, typer.Option(metavar="N", help="environment steps of training")
    ] = 2_000_000,
    users: UsersOption = 10_000,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Train PPO on Boredom, compare it, shift the users, write a page to look at."""
    from ..generalisation.shift_suite import ShiftStudy
    from ..study.shift_study import check_shift_study
    from .generalise import run_with_page, show

    name, population = environment_of_users("Boredom")
    policy = out / "ppo.safetensors"
    study = ShiftStudy((str(policy),), population, name, users=users, seed=seed)
    study.plan()
    run = prepared(population, environment=name, algorithm="ppo", steps=steps, seed=seed)
    check_shift_study(study, out)
    file = train_with_progress(
        run,
        policy,
        # what an earlier demonstration was at is not gone on with: this one replaces it
        restart=True,
        force=True,
    )
    outcome = run_with_page(
        study,
        out,
        force=True,
        training={"algo": "ppo", "requested_steps": steps, **file.training},
        command="carousel demo"
        + (f" --out {out}" if out != Path("runs/demo") else "")
        + (f" --steps {steps}" if steps != 2_000_000 else "")
        + (f" --users {users}" if users != 10_000 else "")
        + (f" --seed {seed}" if seed else ""),
    )
    show(outcome, out, as_json)
