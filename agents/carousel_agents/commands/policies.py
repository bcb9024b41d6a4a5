"""Commands about policy files: what one says, and ways out of and into the format."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carousel_envs import CarouselError, any_population, environment_ids, registry
from carousel_envs.foundation.files import check_writable

from ..learning import PolicyFile
from ..learning import export as exporting
from ..learning.policy_format import one_line
from ..learning.view import View, refuse_unless_shown
from ..system import archives, console
from ..system.interruption import importing
from .option_records import taking
from .options import (
    EnvArgument,
    ForceOption,
    JsonOption,
    SetOption,
    check_suffix,
    environment,
    refuse_to_replace,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FileArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="a policy file (.safetensors)", callback=archives.unpacked),
]

_MOST, _NAME, _VALUE = 80, 40, 100


class Padding(Enum):
    """What stands for the turns before a session began."""

    ZEROS = "zeros"
    FIRST = "first"


def inspect(file: FileArgument, as_json: JsonOption = False) -> None:
    """Say what a policy file holds; nothing in it is run."""
    policy = PolicyFile.load(file)
    document = about(policy)
    if as_json:
        console.print_json({"file": str(file), **document})
        return
    # lines and not a table: an untrusted file must not decide how wide a table is
    lines = [f"{one_line(k, _NAME):<{_NAME}}  {one_line(v, _VALUE)}" for k, v in _flat(document)]
    for line in lines[:_MOST]:
        console.say(line)
    if len(lines) > _MOST:
        console.say(f"and {len(lines) - _MOST} fields more; --json shows all")


def about(policy: PolicyFile) -> dict[str, Any]:
    """What a policy file says, as plain data.

    `population.changed` holds each field that differs from the environment's own population, with
    the value there (`preset`) and `here`; None where the environment is none of ours.
    """
    network, document = policy.network, policy.document()
    population = document["population"]
    return {
        "algorithm": policy.algorithm,
        "environment": policy.environment,
        "population": {
            "kind": population["kind"],
            "fingerprint": population["fingerprint"],
            "changed": _changes(policy, population["fields"]),
        },
        "view": document["view"],
        "columns": list(policy.columns),
        "network": {
            "lstm": [layer.hidden for layer in network.lstm],
            "layers": [len(bias) for _, bias in network.layers],
            "activation": network.activation,
            "head": network.head,
            "masked": network.masked,
            "clip": policy.clip,
            "parameters": network.parameters,
        },
        "training": document["training"],
        "versions": document["versions"],
    }


def _changes(policy: PolicyFile, fields: dict[str, Any]) -> dict[str, Any] | None:
    if policy.environment not in environment_ids():
        return None
    preset = any_population(registry.short_name(policy.environment))
    if type(preset) is not type(policy.population):
        return None
    own = preset.model_dump(mode="json")
    return {
        name: {"preset": own[name], "here": value}
        for name, value in fields.items()
        if own[name] != value
    }


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf as (dotted name, text); lists of plain values are leaves, on several lines where
    they are long."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        text = ", ".join(one_line(str(item)) for item in value) or "none"
        first, *others = textwrap.wrap(text, _VALUE, break_on_hyphens=False)
        yield name, first
        yield from (("", line) for line in others)
    elif isinstance(value, list):
        yield name, f"{len(value)} entries; --json shows them"
    else:
        yield name, "none" if value in (None, {}) else str(value)


def export(
    file: FileArgument,
    out: Annotated[Path, typer.Option(metavar="FILE", help="file to write: .npz (NumPy) or .json")],
    force: ForceOption = False,
) -> None:
    """Write a policy as plain arrays, for use without this library."""
    refuse_to_replace(out, force)
    exporting.check_suffix(out)
    policy = PolicyFile.load(file)
    exporting.export(policy, out)
    console.say(f"wrote {out}: {policy.network.parameters} weights and a description")


@dataclass(frozen=True)
class ImportOptions:
    """Arguments and options of `carousel import-sb3`."""

    archive: Annotated[
        Path, typer.Argument(metavar="ZIP", help="a model saved by Stable-Baselines3")
    ]
    env: EnvArgument
    algo: Annotated[
        str,
        typer.Option(metavar="ALGO", help="algorithm that made it, as for `carousel train`"),
    ]
    out: Annotated[Path, typer.Option(metavar="FILE", help="policy file to write (.safetensors)")]
    trust: Annotated[
        bool, typer.Option("--trust", help="run whatever code ZIP (and PKL) may contain")
    ] = False
    changes: SetOption = None
    history: Annotated[
        int,
        typer.Option(metavar="N", help="observations side by side that it reads, the newest first"),
    ] = 1
    frame_stack: Annotated[
        int | None,
        typer.Option(metavar="N", help="observations side by side that it reads, the newest last"),
    ] = None
    padding: Annotated[
        Padding | None,
        typer.Option(
            help="what a frame stack shows before a session began: zeros (VecFrameStack) or the "
            "first observation (FrameStackObservation)  [default: zeros]"
        ),
    ] = None
    visible_context: Annotated[
        bool, typer.Option("--visible-context", help="it reads the user's context too")
    ] = False
    vecnormalize: Annotated[
        Path | None, typer.Option(metavar="PKL", help="statistics saved by its VecNormalize")
    ] = None
    force: ForceOption = False
    as_json: JsonOption = False


@taking(ImportOptions)
def import_sb3(asked: ImportOptions) -> None:
    """Make a policy file of a model that was trained elsewhere."""
    if not asked.trust:
        raise CarouselError(
            f"{asked.archive} was not opened: archives of Stable-Baselines3 hold pickled objects, "
            "and to load one runs whatever code it contains; give --trust if you trust who made it"
        )
    name, population = environment(asked.env, asked.changes)
    view = View(asked.history, asked.visible_context)
    refuse_unless_shown(population, view)
    padding, frames = asked.padding, asked.frame_stack
    if padding is not None and frames is None:
        raise CarouselError(f"--padding is {padding.value}, but there is no --frame-stack")
    refuse_to_replace(asked.out, asked.force)
    check_suffix(asked.out, ".safetensors", "policy file")
    check_writable(asked.out)
    with console.status("loading torch"), importing():
        from ..learning.importing import import_sb3 as import_model
        from ..learning.pipeline import FrameStack
    stack = None
    if frames is not None:
        stack = FrameStack(frames, (padding or Padding.ZEROS).value)
    policy = import_model(
        asked.archive,
        population,
        algorithm=asked.algo,
        view=view,
        frame_stack=stack,
        vecnormalize=asked.vecnormalize,
        environment=name,
    )
    policy.save(asked.out)
    if asked.as_json:
        console.print_json({"file": str(asked.out), **about(policy)})
    else:
        console.say(
            f"wrote {asked.out}: {asked.algo} on {name}, {policy.network.parameters} weights"
        )
