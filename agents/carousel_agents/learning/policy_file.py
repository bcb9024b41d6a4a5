"""Policy files: one safetensors file that cannot run code.

A file holds the weights of the acting network and, in its metadata under the key `carousel`, one
JSON document: format, architecture, environment, population and fingerprint, view, training,
versions (`docs/policy_files.md`). What is loaded and what is made passes the same checks, so what
was saved can be loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import real_number, shown, whole_number
from carousel_envs.spec import model_of, models

from . import policy_format
from .layers import Network
from .policy_format import FORMAT, known_fields
from .stacking import view_of
from .view import Scaling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation

    from .view import View

_FAR = 1e6
_LONGEST_NAME = 200
_ARCHITECTURE = ("activation", "clip", "counts", "head", "layers", "lstm", "masked")
# the first of these columns that there is is 0 where a session begins, and only there
BEGINS = ("turns_with_persona", "session_gone")


@dataclass(frozen=True, eq=False, repr=False)
class PolicyFile:
    """What a policy file holds.

    Attributes:
        algorithm: how it was trained, e.g. "ppo".
        environment: id of the environment it was trained in.
        population: the training users, or questions.
        view: what it is shown of the environment.
        columns: names of the D observation columns it reads, in order, `View.columns`.
        scaling: how they are brought to the same size.
        network: what then maps them to one number for each of K personas.
        clip: scaled columns are cut to [-clip, clip]; None: they are not.
        training: steps, seed, settings; plain JSON data.
        versions: of the packages that trained it.

    Raises:
        CarouselError: parts that do not fit together.
    """

    algorithm: str
    environment: str
    population: AnyPopulation
    view: View
    columns: tuple[str, ...]
    scaling: Scaling
    network: Network
    clip: float | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        # names come from an untrusted file
        return (
            f"PolicyFile({shown(self.algorithm)} in {shown(self.environment)}, "
            f"{len(self.columns)} columns, {self.network.parameters} parameters)"
        )

    def __post_init__(self) -> None:
        _refuse_names(self)
        self.view.refuse_unfit(len(self.columns))
        _refuse_scaling(self)
        network, width = self.network, len(self.columns)
        if network.inputs != width:
            raise CarouselError(f"its network reads {network.inputs} columns; it names {width}")
        if network.outputs != self.population.n_actions:
            raise CarouselError(
                f"it has {network.outputs} outputs for {self.population.n_actions} personas"
            )
        if network.lstm:
            _ = self.begins
        if network.masked:
            _ = self.available

    @cached_property
    def begins(self) -> int:
        """Index of the column that is 0 where a session begins, and only there.

        Raises:
            CarouselError: there is none.
        """
        for name in BEGINS:
            if name in self.columns:
                return self.columns.index(name)
        raise CarouselError(f"its columns do not tell where a session begins: {BEGINS} are absent")

    @cached_property
    def available(self) -> tuple[int, ...]:
        """Indices of the columns that say whether each persona may be picked; empty where all may
        be picked at any time.

        Raises:
            CarouselError: some personas have such a column and others have none.
        """
        names = [f"available_{name}" for name in self.population.actions]
        there = [name in self.columns for name in names]
        if not any(there) and model_of(self.population).available(self.population) is None:
            return ()
        if not all(there):
            missing = names[there.index(False)]
            raise CarouselError(f"it heeds who is available, but does not read {missing}")
        return tuple(self.columns.index(name) for name in names)

    @property
    def group(self) -> str:
        """What all seeds of one experiment are called (`View.named`)."""
        label = self.training.get("label", "")
        return self.view.named(self.algorithm, label if isinstance(label, str) else "")

    @property
    def training_seed(self) -> int | None:
        """Seed of the training; None where the file does not say."""
        seed = self.training.get("seed")
        return seed if isinstance(seed, int) and not isinstance(seed, bool) else None

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Every array by the name that it has in the file."""
        own = {"centre": self.scaling.centre, "scale": self.scaling.scale}
        return {**own, **dict(self.network.tensors())}

    def document(self) -> dict[str, Any]:
        """Everything else, as plain JSON data."""
        network, view = self.network, self.view.document()
        document = {
            # the oldest that can say it, for the sake of earlier versions
            "format": FORMAT if "padding" in view else 2,
            "algorithm": self.algorithm,
            "environment": self.environment,
            "population": {
                "kind": model_of(self.population).kind,
                "fields": self.population.model_dump(mode="json"),
                "fingerprint": self.population.fingerprint,
            },
            "view": view,
            "columns": list(self.columns),
            "architecture": {
                "counts": list(self.scaling.counts),
                "clip": self.clip,
                "lstm": len(network.lstm),
                "layers": len(network.layers),
                "activation": network.activation,
                "head": network.head,
                "masked": network.masked,
            },
            "training": self.training,
            "versions": self.versions,
        }
        made: dict[str, Any] = policy_format.plain(document)
        return made

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all.

        Raises:
            CarouselError: the place cannot be written, or `training` is no plain data.
        """
        policy_format.write(Path(path), self.document(), self.tensors())

    @classmethod
    def load(cls, path: Path | str) -> PolicyFile:
        """Read a file of any format so far.

        Raises:
            CarouselError: it is missing, damaged, foreign, or does not fit together.
        """
        document, tensors = policy_format.read(Path(path))
        try:
            return cls._from_parts(document, tensors)
        except CarouselError as error:
            raise CarouselError(f"{path} is not a valid policy file: {error}") from None
        except (TypeError, ValueError, AttributeError, KeyError):
            raise CarouselError(
                f"{path} is not a valid policy file: its description has another form"
            ) from None

    @classmethod
    def _from_parts(
        cls, document: dict[str, Any], tensors: dict[str, NDArray[np.float32]]
    ) -> PolicyFile:
        known_fields(
            "description",
            document,
            ("format", "population", "architecture", *cls._texts, "view", "columns"),
        )
        architecture = known_fields("architecture", document["architecture"], _ARCHITECTURE)
        seen = ("history", "visible_context", "padding")
        view = known_fields("view", document["view"], seen[: 3 if document["format"] > 2 else 2])
        rest = {name: architecture[name] for name in ("activation", "head", "masked")}
        network = Network.from_tensors(
            tensors, layers=architecture["layers"], lstm=architecture["lstm"], **rest
        )
        for name in ("centre", "scale"):
            if name not in tensors:
                raise CarouselError(f"{name!r} is missing")
        named = {"centre", "scale", *(name for name, _ in network.tensors())}
        if unnamed := sorted(set(tensors) - named):
            raise CarouselError(f"it holds {shown(unnamed[0])}, which its architecture lacks")
        return cls(
            population=_population(document["population"]),
            view=view_of(view),
            columns=tuple(document["columns"]),
            scaling=Scaling(tuple(architecture["counts"]), tensors["centre"], tensors["scale"]),
            network=network,
            clip=architecture["clip"],
            **{name: document[name] for name in cls._texts},
        )

    _texts = ("algorithm", "environment", "training", "versions")


def _population(given: Any) -> AnyPopulation:
    fields = known_fields("population", given, ("kind", "fields", "fingerprint"))
    kinds = models()
    if fields["kind"] not in kinds:
        raise CarouselError(
            f"its population is of kind {shown(fields['kind'])}; known are {', '.join(kinds)}; a "
            "plugin that brings it may be missing (--plugin)"
        )
    read = kinds[fields["kind"]].population_type.model_validate
    population: AnyPopulation = read(fields["fields"])
    if fields["fingerprint"] != population.fingerprint:
        raise CarouselError("its population does not match its fingerprint")
    return population


def _refuse_names(file: PolicyFile) -> None:
    for name in ("algorithm", "environment"):
        text = getattr(file, name)
        if (
            not isinstance(text, str)
            or not 0 < len(text) <= _LONGEST_NAME
            or (not text.isprintable())
        ):
            raise CarouselError(f"its {name} is {shown(text)}; it must be a short printable text")
    if not all(isinstance(name, str) for name in file.columns):
        raise CarouselError(f"its columns are {shown(file.columns)}; they must be names")
    if len(set(file.columns)) < len(file.columns):
        raise CarouselError("its columns repeat a name")
    for name in ("training", "versions"):
        if not hasattr(getattr(file, name), "items"):
            raise CarouselError(f"its {name} is {shown(getattr(file, name))}; it must be an object")


def _refuse_scaling(file: PolicyFile) -> None:
    scaling, width = file.scaling, len(file.columns)
    if scaling.centre.shape != (width,) or scaling.scale.shape != (width,):
        raise CarouselError(f"its scaling does not fit its {width} columns")
    if not (np.abs(scaling.centre) <= _FAR).all():
        raise CarouselError(f"its scaling has a centre beyond {_FAR:g}")
    if not ((scaling.scale >= 1 / _FAR) & (scaling.scale <= _FAR)).all():
        raise CarouselError(f"its scaling is not positive, or not from {1 / _FAR:g} to {_FAR:g}")
    for index in scaling.counts:
        whole_number("an index of the columns it counts", index, 0, width - 1)
    if len(set(scaling.counts)) < len(scaling.counts):
        raise CarouselError("it counts a column twice")
    if file.clip is not None:
        real_number("its clip", file.clip, 1 / _FAR, _FAR)
