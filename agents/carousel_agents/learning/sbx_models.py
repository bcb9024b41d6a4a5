"""Models of SBX: PPO and DQN that JAX computes in place of torch.

Observations are scaled before they reach a model, because its networks cannot do so themselves; the
policy file carries the same scaling. Importing this module imports JAX, for one thread of the
processor unless the environment variables that JAX reads say otherwise.
"""

from __future__ import annotations

import os
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# networks as small as these lose time to any more threads, as with torch
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)
with warnings.catch_warnings():
    # its packages use what others of them deprecate, which callers cannot mend
    warnings.simplefilter("ignore", DeprecationWarning)
    import jax
    import optax
    from flax import linen
    from sbx import DQN, PPO
    from sbx.dqn.policies import QNetwork
    from sbx.ppo.policies import Actor

from carousel_envs import CarouselError

from .exploration import LanewiseExploration
from .implementation import Implementation
from .parts import Parts, refuse_second_scaling, scaling_before
from .scaled_vec_env import ScaledVecEnv
from .state import bring_back_weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from .algorithms import Settings
    from .parts import Normalisation
    from .state import Arrays
    from .view import Scaling

_ACTIVATIONS: Mapping[str, Any] = {"tanh": linen.tanh, "relu": linen.relu}


# -- models ---------------------------------------------------------------------------------------


class _Keyed:
    """Keys come from the generators that `set_random_seed` seeds: SBX itself has 16 384 of them."""

    def set_random_seed(self: Any, seed: int | None = None) -> None:
        super().set_random_seed(seed)  # type: ignore[misc]
        if seed is None:
            self.key = jax.random.PRNGKey(np.random.randint(2**31))  # noqa: NPY002


class LanePPO(_Keyed, PPO):
    """PPO of SBX."""


def _clipped_adam(max_grad_norm: float, learning_rate: float) -> Any:
    """Adam as SBX's own, for gradients that are cut, and with a step size that can be changed."""
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=learning_rate)
    return optax.chain(optax.clip_by_global_norm(max_grad_norm), adam)


class LaneDQN(_Keyed, LanewiseExploration, DQN):
    """DQN of SBX whose lanes explore one by one.

    SBX keeps the first learning rate for good and does not cut gradients: here both are as in
    Stable-Baselines3.
    """

    def __init__(
        self, policy: Any, env: Any, *, policy_kwargs: Any, max_grad_norm: float = 10.0, **rest: Any
    ) -> None:
        adam = partial(_clipped_adam, max_grad_norm)
        super().__init__(
            policy, env, policy_kwargs={**policy_kwargs, "optimizer_class": adam}, **rest
        )

    def train(self, batch_size: int, gradient_steps: int) -> None:
        """Gradient steps, of the size that is due."""
        _, adam = self.policy.qf_state.opt_state
        self._update_learning_rate(adam, self.lr_schedule(self._current_progress_remaining))
        super().train(batch_size, gradient_steps)


def _network(settings: Settings, scaling: Scaling) -> dict[str, Any]:
    return {
        "net_arch": list(settings.network),
        "activation_fn": _ACTIVATIONS[settings.activation],
    }


# -- policy files ---------------------------------------------------------------------------------


def _actor(policy: Any) -> tuple[Any, type[Any], Any]:
    return policy.actor, Actor, policy.actor_state


def _action_values(policy: Any) -> tuple[Any, type[Any], Any]:
    return policy.qf, QNetwork, policy.qf_state


def _parts(
    acting_in: Callable[[Any], tuple[Any, type[Any], Any]],
    head: str,
    model: Any,
    width: int,
    normalisation: Normalisation | None,
) -> Parts:
    network, kind, state = acting_in(model.policy)
    activation = next((k for k, f in _ACTIVATIONS.items() if f is network.activation_fn), None)
    layers = state.params["params"]
    names = [f"Dense_{i}" for i in range(len(layers))]
    if (
        type(network) is not kind
        or activation is None
        or set(layers) != set(names)
        or any(set(layer) != {"kernel", "bias"} for layer in layers.values())
    ):
        raise CarouselError(
            f"the network is a {type(network).__name__} of {', '.join(sorted(layers))}; only dense "
            f"layers with biases and one activation between them, {' or '.join(_ACTIVATIONS)}, can "
            "be written"
        )
    dense = tuple(
        # kernels are (in, out)
        (_array(layers[name]["kernel"]).T.copy(), _array(layers[name]["bias"]))
        for name in names
    )
    env = model.get_env()
    if isinstance(env, ScaledVecEnv):
        refuse_second_scaling(normalisation)
        scaling, clip = env.scaling, None
    else:
        scaling, clip = scaling_before(width, normalisation)
    return Parts(dense, activation, scaling, clip, head=head)


def _array(leaf: Any) -> NDArray[np.float32]:
    return np.array(leaf, dtype=np.float32)


# -- checkpoints ----------------------------------------------------------------------------------

_KEPT = ("actor_state", "vf_state", "qf_state", "key", "noise_key")
"""What a policy has of these: weights, optimisers and keys."""


def _tree(model: Any) -> dict[str, Any]:
    """Everything that JAX computes with between two rollouts."""
    policy = {name: getattr(model.policy, name) for name in _KEPT if hasattr(model.policy, name)}
    return {"policy": policy, "key": model.key}


@weights_of.register(LanePPO)
@weights_of.register(LaneDQN)
def _weights_of(model: Any) -> tuple[Arrays, dict[str, Any]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(_tree(model))
    return {f"jax{jax.tree_util.keystr(path)}": np.array(leaf) for path, leaf in leaves}, {}


@bring_back_weights.register(LanePPO)
@bring_back_weights.register(LaneDQN)
def _bring_back_weights(model: Any, arrays: Arrays, numbers: Mapping[str, Any]) -> None:
    leaves, structure = jax.tree_util.tree_flatten_with_path(_tree(model))
    kept = [_as(leaf, arrays[f"jax{jax.tree_util.keystr(path)}"]) for path, leaf in leaves]
    tree = jax.tree_util.tree_unflatten(structure, kept)
    model.key = tree["key"]
    for name, value in tree["policy"].items():
        setattr(model.policy, name, value)


def _as(leaf: Any, kept: NDArray[Any]) -> Any:
    """What was kept in the form that a fresh model has in its place.

    Raises:
        ValueError: it has another shape.
    """
    if isinstance(leaf, (int, float)):
        return type(leaf)(kept.item())
    if np.atleast_1d(leaf).shape != np.atleast_1d(kept).shape:
        raise ValueError(f"an array of shape {np.shape(kept)} is kept, not {np.shape(leaf)}")
    return jax.numpy.array(kept.reshape(np.shape(leaf)), dtype=leaf.dtype)


# -- what records hold ----------------------------------------------------------------------------

_implementation = partial(Implementation, policy_kwargs=_network, wrap=ScaledVecEnv)

PPO_IMPLEMENTATION = _implementation(PPO, trained=LanePPO, parts=partial(_parts, _actor, "logits"))
DQN_IMPLEMENTATION = _implementation(
    DQN, trained=LaneDQN, parts=partial(_parts, _action_values, "values")
)
