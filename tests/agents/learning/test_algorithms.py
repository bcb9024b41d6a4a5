"""What is ours in the algorithms: exploration lane by lane, and whole stretches of sessions."""

import copy

import numpy as np
import pytest
import torch
from sb3_contrib.common.maskable.buffers import MaskableRolloutBuffer
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import CallbackList

from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.network import ScaledColumns
from carousel_agents.learning.settings import settings_of
from carousel_agents.learning.view import Scaling, View
from support.small_runs import BOREDOM, SMALL

# users who leave at any time, so that sessions begin anywhere in a rollout
RESTLESS = BOREDOM.replace(session_length=13, leave_fresh=0.05, leave_bored=0.2)


def model_of(algorithm: str, **changes):
    settings = settings_of(algorithm, {**SMALL[algorithm], **changes})
    env = CarouselVecEnv.of(RESTLESS, settings.lanes, 7, time_limit=settings.time_limit)
    implementation = ALGORITHMS[algorithm].implementation
    return implementation.build(settings, env, Scaling.of(RESTLESS, View()))


@pytest.fixture(scope="module", params=[False, True], ids=["shared", "own critic"])
def rollout(request):
    """A recurrent model whose second rollout, which begins amid sessions, has just been played."""
    torch.manual_seed(0)
    model = model_of(
        "recurrent-ppo", enable_critic_lstm=request.param, shared_lstm=not request.param
    )
    callback = CallbackList([])
    _, callback = model._setup_learn(10**6, callback)
    for _ in range(2):
        model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)
    assert (model.rollout_buffer.episode_starts[1:] > 0).any()
    assert (model.rollout_buffer.episode_starts[0] == 0).any()
    return model


@pytest.mark.parametrize("batch_size", [None, 1, 50, 100, 10**6])
def test_every_turn_is_in_one_minibatch(rollout, batch_size):
    buffer = rollout.rollout_buffer
    seen, sizes = [], []
    for batch in buffer.get(batch_size):
        inside = batch.mask > 0
        seen.append(batch.observations[inside].numpy())
        sizes.append(int(inside.sum()))

    def rows(array):
        return sorted(map(tuple, array.reshape(-1, array.shape[-1]).tolist()))

    assert rows(np.concatenate(seen)) == rows(buffer.observations)
    if batch_size == 100:
        assert min(sizes) > 50, "no minibatch is a small remainder"


def test_the_memory_runs_over_a_sequence_as_it_did_in_play(rollout):
    """Before any update the probabilities of what was picked are those that were noted in play, and
    so are the values."""
    with torch.no_grad():
        for batch in rollout.rollout_buffer.get(100):
            values, log_prob, _ = rollout.policy.evaluate_actions(
                batch.observations,
                batch.actions.long().flatten(),
                batch.lstm_states,
                batch.episode_starts,
            )
            inside = batch.mask > 0
            torch.testing.assert_close(
                log_prob[inside], batch.old_log_prob[inside], atol=1e-5, rtol=0
            )
            torch.testing.assert_close(
                values.flatten()[inside], batch.old_values[inside], atol=1e-5, rtol=0
            )


@pytest.mark.parametrize("algorithm", ["dqn", "qr-dqn"])
def test_lanes_explore_one_by_one(algorithm: str):
    model = model_of(algorithm, lanes=2000)
    model._last_obs = model.env.reset()
    model.num_timesteps = model.learning_starts
    greedy, _ = model.policy.predict(model._last_obs, deterministic=True)
    assert len(set(greedy.tolist())) == 1, "all sessions begin alike"
    np.random.seed(1)  # noqa: NPY002
    for rate in (0.0, 0.3, 1.0):
        model.exploration_rate = rate
        picks, kept = model._sample_action(model.learning_starts, None, 2000)
        np.testing.assert_array_equal(picks, kept)
        # a random pick is the greedy one in a quarter of cases
        other = np.mean(picks != greedy)
        assert abs(other - rate * 0.75) <= 4.5 * np.sqrt(rate * 0.75 * 0.8 / 2000)


def test_before_learning_all_pick_at_random():
    model = model_of("dqn", lanes=2000)
    model._last_obs = model.env.reset()
    model.exploration_rate = 0.0
    picks, _ = model._sample_action(model.learning_starts, None, 2000)
    counts = np.bincount(picks, minlength=4)
    assert np.abs(counts - 500).max() < 4.5 * np.sqrt(500 * 0.75)


def test_step_sizes_fall_from_the_first_to_the_last():
    model = model_of("ppo", learning_rate=0.02, learning_rate_final=0.01)
    assert [model.lr_schedule(left) for left in (1.0, 0.5, 0.0)] == pytest.approx(
        [0.02, 0.015, 0.01]
    )


@pytest.mark.sampled(3)
@pytest.mark.parametrize("batch_size", [None, 7, 100, 10**6])
@pytest.mark.parametrize(
    ("algorithm", "library"), [("ppo", RolloutBuffer), ("maskable-ppo", MaskableRolloutBuffer)]
)
def test_minibatches_are_those_of_the_library(algorithm: str, library, batch_size):
    torch.manual_seed(0)
    model = model_of(algorithm)
    callback = CallbackList([])
    _, callback = model._setup_learn(10**6, callback)
    model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)
    played = copy.deepcopy(model.rollout_buffer)
    assert type(played) is not library
    for _ in range(2):
        passes = []
        for get in (type(played).get, library.get):
            np.random.seed(3)  # noqa: NPY002
            passes.append(list(get(played, batch_size)))
        for ours, theirs in zip(*passes, strict=True):
            for name in theirs._fields:
                one, other = getattr(ours, name), getattr(theirs, name)
                assert torch.equal(one.to(other.dtype), other), name


@pytest.mark.parametrize("view", [View(), View(3)])
def test_columns_are_scaled_as_they_are_described(view: View):
    """Counts as logarithms, then all by centre and scale, whatever the batch."""
    scaling = Scaling.of(RESTLESS, view)
    env = CarouselVecEnv.of(RESTLESS, 50, 7, view=view)
    network = ScaledColumns(env.observation_space, scaling)
    observation = env.reset()
    for _ in range(5):
        observation = env.step(np.zeros(50, int))[0]
    before = observation.copy()
    expected = observation.astype(np.float64)
    counts = list(scaling.counts)
    expected[:, counts] = np.log1p(expected[:, counts])
    expected = (expected - scaling.centre) / scaling.scale
    scaled = network(torch.from_numpy(observation))
    np.testing.assert_allclose(scaled.numpy(), expected, atol=1e-6)
    assert torch.equal(network(torch.from_numpy(observation[7:8])), scaled[7:8])
    np.testing.assert_array_equal(observation, before)
