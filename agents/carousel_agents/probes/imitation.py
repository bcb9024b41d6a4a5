"""Policies that imitate a router: nets fitted to what it picks among its training users.

What a net may see decides how it goes on elsewhere, and behaviour in training cannot always say
which is right: a router that reads the present alone and one that keeps the belief of its training
may be told apart only where cues change. So there are several *looks*, and every one that explains
the router about as well is kept.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs.reference import Filter
from carousel_envs.reference.model import Model
from carousel_envs.users.observation import Columns

from ..router import make
from ..system.extras import needed_by
from .transcript import played, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carousel_envs import Population
    from carousel_envs.reference import Belief
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

LOOKS = ("present", "belief", "both")
"""What a net sees beside the clock: what is shown now; what a filter of the training users believes
by now; or both."""
PLAUSIBLE = 0.01
"""Nats per decision, in sessions that were not fitted, within which a look explains as well as the
best."""
HIDDEN = (64, 64)
_STEPS, _BATCH, _RATE = 800, 4096, 0.01
_LONG = 10.0


@dataclass(frozen=True, eq=False)
class Imitation:
    """A policy that picks as a net says.

    Attributes:
        look: one of `LOOKS`.
        net: weights and biases of its layers.
        centre, scale: of its inputs.
        filter: of the training users, whatever users it meets; None: the net sees the whole
            observation, and nothing else.
        fit: P(fresh) of each kind of training user with each persona, shape (kinds, K); of no kind
            where there are no users.
        loss: nats per decision in sessions that were not fitted.
        draws: whether it draws its pick; else it takes the likeliest.
    """

    look: str
    net: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    filter: Filter | None
    fit: NDArray[np.float64] = field(repr=False)
    loss: float = 0.0
    draws: bool = False

    def initial_state(self, lanes: int, seed: int) -> tuple[Belief | None, NDArray[np.uint64]]:
        """The belief, if there is one, and a seed for the draws."""
        start = None if self.filter is None else self.filter.start(lanes)
        return start, np.array([seed, 0], dtype=np.uint64)

    def act(
        self, observation: NDArray[np.float32], state: tuple[Belief | None, NDArray[np.uint64]]
    ) -> tuple[NDArray[np.int64], tuple[Belief | None, NDArray[np.uint64]]]:
        """Personas to enact, shape (N,), and the next state."""
        belief, (seed, turn) = None, state[1]
        if self.filter is None or state[0] is None:
            logits = self.logits(observation)
        else:
            belief = self.filter.update(state[0], observation)
            columns = self.filter.columns
            logits = self.logits(seen(self.look, observation, belief.joint, columns, self.fit))
        if self.draws:
            drawn = np.random.default_rng([int(seed), int(turn)])
            logits = logits + drawn.gumbel(size=logits.shape)
        return logits.argmax(axis=1), (belief, np.array([seed, turn + 1], dtype=np.uint64))

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """What the net says of each persona, shape (N, K)."""
        z = (x - self.centre) / self.scale
        for i, (weight, bias) in enumerate(self.net):
            z = z @ weight + bias
            if i < len(self.net) - 1:
                z = np.tanh(z)
        return z.astype(np.float64)


def seen(
    look: str,
    observation: NDArray[np.float32],
    joint: NDArray[np.float64],
    columns: Columns,
    fit: NDArray[np.float64],
) -> NDArray[np.float32]:
    """What a net of this look sees, shape (N, F). Who is available is left out: training users miss
    nobody, so nothing could be fitted to it.

    Args:
        look: one of `LOOKS`.
        observation: of the environment, shape (N, D).
        joint: P(kind, mood), shape (N, kinds, 2), of the training users' filter.
        columns: of the observations.
        fit: P(fresh) of each kind with each persona, shape (kinds, K).
    """
    clock = [columns.streak, columns.elapsed]
    persona = observation[:, columns.persona]
    early = np.minimum(observation[:, [columns.streak]], _LONG) / _LONG
    parts: list[NDArray[Any]] = [persona, observation[:, clock], early]
    if look != "belief":
        shown = np.ones(observation.shape[1], dtype=np.bool_)
        shown[[*range(columns.persona.start, columns.elapsed + 1)]] = False
        parts.append(observation[:, shown])
    if look != "present":
        bored = joint[:, :, 1].sum(axis=1)[:, None]
        parts += [bored, np.log((bored + 1e-3) / (1.0 - bored + 1e-3))]
        if joint.shape[1] > 1:
            parts.append(joint.sum(axis=2) @ fit)
    return np.concatenate(parts, axis=1).astype(np.float32)


def imitations(
    router: Policy, home: Population, sessions: int, seed: int, leaders: Sequence[Policy | None]
) -> list[Imitation]:
    """The plausible imitations of a router, best first.

    Args:
        router: asked among training users alone.
        home: these.
        sessions: played for each of the leaders.
        seed: session i uses the streams of seed + i.
        leaders: whose picks are played while the router is asked; None: its own are.

    Raises:
        CarouselError: the router does not fit these users.
    """
    model, columns = Model.of(home), Columns.of(home)
    asked = [record(router, home, sessions, seed, led_by=leader) for leader in leaders]
    picks = np.concatenate([one.picks[one.played] for one in asked])
    # a third of the sessions is held back, the same of every leader
    held_back = np.arange(sessions) % 3 == 0
    new = np.concatenate(
        [np.broadcast_to(held_back, one.played.shape)[one.played] for one in asked]
    )
    found = []
    for look in LOOKS:
        x = np.concatenate(
            [
                seen(look, one.observation[one.played], one.joint[one.played], columns, model.fit)
                for one in asked
            ]
        )
        net, centre, scale = _fitted(x[~new], picks[~new], model.n_actions)
        made = Imitation(look, net, centre, scale, Filter(home), model.fit)
        found.append(replace(made, loss=_loss(made.logits(x[new]), picks[new])))
    best = min(one.loss for one in found)
    return sorted((one for one in found if one.loss <= best + PLAUSIBLE), key=lambda one: one.loss)


def imitations_of_answers(
    router: Policy, home: AnyPopulation, sessions: int, seed: int
) -> list[Imitation]:
    """The imitation of a router that is asked questions, which sees what is shown at present, and
    nothing that a view or a memory keeps of earlier turns.

    Args:
        router: asked among the training questions alone, in its own sessions and in sessions in
            which picks are drawn.
        home: these.
        sessions: played of each kind.
        seed: session i uses the streams of seed + i.

    Raises:
        CarouselError: the router does not fit these questions.
    """
    n_picks = home.n_actions
    leaders: tuple[Policy | None, ...] = (None, make("uniform", home, home))
    turns = [t for one in leaders for t in played(router, home, sessions, seed, led_by=one)]
    x = np.concatenate([seen_now[running] for seen_now, _, running, _ in turns])
    picks = np.concatenate([asked[running] for _, asked, running, _ in turns])
    held_back = np.arange(sessions) % 3 == 0
    new = np.concatenate([held_back[running] for _, _, running, _ in turns])
    net, centre, scale = _fitted(x[~new], picks[~new], n_picks)
    made = Imitation("present", net, centre, scale, None, np.zeros((0, n_picks)))
    return [replace(made, loss=_loss(made.logits(x[new]), picks[new]))]


def _loss(logits: NDArray[np.float64], picks: NDArray[np.int64]) -> float:
    above = logits - logits.max(axis=1, keepdims=True)
    chosen = above[np.arange(len(picks)), picks]
    return float(np.mean(np.log(np.exp(above).sum(axis=1)) - chosen))


def _fitted(
    x: NDArray[np.float32], picks: NDArray[np.int64], n_picks: int
) -> tuple[Any, NDArray[np.float32], NDArray[np.float32]]:
    """Layers of a net, and centre and scale of its inputs."""
    with needed_by("a forecast"):
        import torch

    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 1e-6, scale, np.float32(1.0))
    inputs = torch.from_numpy(((x - centre) / scale).astype(np.float32))
    answers = torch.from_numpy(picks)
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers: list[Any] = []
        sizes = [x.shape[1], *HIDDEN, n_picks]
        for size, following in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(size, following), torch.nn.Tanh()]
        model = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.Adam(model.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS)
    for _ in range(_STEPS):
        drawn = torch.randint(len(inputs), (_BATCH,), generator=generator)
        loss = torch.nn.functional.cross_entropy(model(inputs[drawn]), answers[drawn])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    net = tuple(
        (layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())
        for layer in model
        if isinstance(layer, torch.nn.Linear)
    )
    return net, centre.astype(np.float32), scale.astype(np.float32)
