"""Policy files: one safetensors file that cannot run code.

A file holds the weights of the acting network and, in its metadata under the key `carousel`, one
JSON document: format, architecture, environment, population and fingerprint, training, versions.
Reading it parses a header and copies arrays; nothing is ever unpickled, imported or evaluated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from carousel_envs import CarouselError, Population
from carousel_envs.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT = 1
_KEY = "carousel"
_LARGEST_BYTES = 1 << 30
_FAR = 1e6
ACTIVATIONS = ("tanh", "relu")


@dataclass(frozen=True, eq=False)
class PolicyFile:
    """What a policy file holds.

    Attributes:
        algorithm: how it was trained, e.g. "ppo".
        environment: id of the environment it was trained in.
        population: the training users.
        columns: names of the observation columns it reads, in order.
        activation: "tanh" or "relu", between layers.
        counts: indices of columns that enter as log(1 + n).
        centre, scale: float32, shape (D,); the network then reads (column - centre) / scale.
        layers: (weight, bias) pairs, float32, shapes (out, in) and (out,); the last gives one logit
            per persona.
        training: steps, seed, settings; plain JSON.
        versions: of the packages that trained it.
    """

    algorithm: str
    environment: str
    population: Population
    columns: tuple[str, ...]
    activation: str
    counts: tuple[int, ...]
    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    training: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            CarouselError: the place cannot be written.
        """
        tensors = {"centre": self.centre, "scale": self.scale}
        for i, (weight, bias) in enumerate(self.layers):
            tensors[f"layer{i}.weight"] = weight
            tensors[f"layer{i}.bias"] = bias
        document = {
            "format": FORMAT,
            "algorithm": self.algorithm,
            "environment": self.environment,
            "population": self.population.model_dump(mode="json"),
            "population_fingerprint": self.population.fingerprint,
            "columns": list(self.columns),
            "architecture": {
                "activation": self.activation,
                "counts": list(self.counts),
                "layers": len(self.layers),
            },
            "training": dict(self.training),
            "versions": dict(self.versions),
        }
        tensors = {
            name: np.ascontiguousarray(array, dtype=np.float32) for name, array in tensors.items()
        }
        write_whole(path, save(tensors, metadata={_KEY: json.dumps(document, sort_keys=True)}))

    @classmethod
    def load(cls, path: Path) -> PolicyFile:
        """Read a file.

        Raises:
            CarouselError: it is missing, damaged, foreign, or does not fit together.
        """
        document, tensors = _read(path)
        try:
            return cls._from_parts(document, tensors)
        except KeyError as error:
            raise CarouselError(f"{path} is not a valid policy file: {error} is missing") from None
        except CarouselError as error:
            raise CarouselError(f"{path} is not a valid policy file: {error}") from None
        except (TypeError, ValueError, AttributeError):
            raise CarouselError(
                f"{path} is not a valid policy file: its description has another form"
            ) from None

    @classmethod
    def _from_parts(
        cls, document: dict[str, Any], tensors: dict[str, NDArray[np.float32]]
    ) -> PolicyFile:
        if document["format"] != FORMAT:
            raise CarouselError(
                f"its format is {document['format']!r}; this version reads {FORMAT}"
            )
        population = Population(**document["population"])
        if document["population_fingerprint"] != population.fingerprint:
            raise CarouselError("its population does not match its fingerprint")
        activation = document["architecture"]["activation"]
        if activation not in ACTIVATIONS:
            raise CarouselError(f"its activation is {activation!r}; known are {ACTIVATIONS}")
        n_layers = document["architecture"]["layers"]
        if not isinstance(n_layers, int) or not 1 <= n_layers <= 64:
            raise CarouselError(f"it claims {n_layers!r} layers; 1 to 64 are allowed")
        layers = tuple(
            (tensors[f"layer{i}.weight"], tensors[f"layer{i}.bias"]) for i in range(n_layers)
        )
        columns = tuple(str(name) for name in document["columns"])
        width = len(columns)
        if tensors["centre"].shape != (width,) or tensors["scale"].shape != (width,):
            raise CarouselError(f"its scaling does not fit its {width} columns")
        if not (np.abs(tensors["centre"]) <= _FAR).all():
            raise CarouselError(f"its scaling has a centre beyond {_FAR:g}")
        if not ((tensors["scale"] >= 1 / _FAR) & (tensors["scale"] <= _FAR)).all():
            raise CarouselError(
                f"its scaling is not positive, or not from {1 / _FAR:g} to {_FAR:g}"
            )
        counts = tuple(document["architecture"]["counts"])
        if not all(isinstance(i, int) and 0 <= i < width for i in counts):
            raise CarouselError(f"it counts columns {counts}; it has {width}")
        for i, (weight, bias) in enumerate(layers):
            if weight.shape != (len(bias), width) or bias.ndim != 1:
                raise CarouselError(f"layer {i} has shape {weight.shape}; {width} inputs reach it")
            width = len(bias)
        if width != population.n_actions:
            raise CarouselError(f"it has {width} outputs for {population.n_actions} personas")
        if not all(np.isfinite(array).all() for array in tensors.values()):
            raise CarouselError("its weights are not all finite")
        return cls(
            algorithm=str(document["algorithm"]),
            environment=str(document["environment"]),
            population=population,
            columns=columns,
            activation=activation,
            counts=counts,
            centre=tensors["centre"],
            scale=tensors["scale"],
            layers=layers,
            training=dict(document["training"]),
            versions=dict(document["versions"]),
        )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            raise CarouselError(f"{path} has {size} bytes; a policy file has at most 1 GiB")
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if _KEY not in metadata:
                raise CarouselError(f"{path} is a safetensors file, but not a policy of Carousel")
            document = json.loads(metadata[_KEY])
            names = list(file.keys())
            for name in names:
                # asked before it is read: NumPy does not know every type there is
                if (kind := file.get_slice(name).get_dtype()) != "F32":
                    raise CarouselError(f"{path} holds {name} as {kind}; it must be float32 (F32)")
            tensors = {name: file.get_tensor(name) for name in names}
    except OSError as error:
        raise CarouselError(f"{path} cannot be read: {error.strerror or error}") from None
    except CarouselError:
        raise
    except (SafetensorError, ValueError, RecursionError) as error:
        raise CarouselError(f"{path} is not a policy file, or damaged: {error}") from None
    if not isinstance(document, dict):
        raise CarouselError(f"{path} is not a policy file: its description is no JSON object")
    return document, tensors
