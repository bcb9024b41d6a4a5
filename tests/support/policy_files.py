"""Policies with random weights, of any form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_agents.learning import PolicyFile
from carousel_agents.learning.layers import Lstm, Network
from carousel_agents.learning.view import Scaling, View
from carousel_envs import Population, Questions

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation

PRESENT = View()
POPULATION = Population.preset("Boredom")
RECALL = Questions.preset("Recall")


def make_file(
    population: AnyPopulation = POPULATION,
    *,
    hidden: int = 8,
    lstm: int = 0,
    view: View = PRESENT,
    head: str = "logits",
    masked: bool = False,
    **rest: Any,
) -> PolicyFile:
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        return rng.normal(size=shape).astype(np.float32)

    columns, personas = view.columns(population), population.n_actions
    width = len(columns)
    inputs = [width, *[hidden] * lstm]
    memory = tuple(
        Lstm(normal(4 * hidden, n), normal(4 * hidden, hidden), *normal(2, 4 * hidden))
        for n in inputs[:lstm]
    )
    sizes = [(hidden, inputs[-1]), (personas, hidden)]
    layers = tuple((normal(*size), normal(size[0])) for size in sizes)
    scaling = Scaling.of(population, view)
    return PolicyFile(
        **{
            "algorithm": "ppo",
            "environment": "Carousel/Boredom-v0",
            "population": population,
            "view": view,
            "columns": columns,
            "scaling": scaling,
            "network": Network("tanh", layers, memory, head, masked),
            "training": {"steps": 10, "seed": 0},
            "versions": {"numpy": np.__version__},
            **rest,
        }
    )
