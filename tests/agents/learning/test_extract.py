"""What a file makes of a model: the same choices, probabilities and values as torch's."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from carousel_agents.learning import LearnedRouter, PolicyFile
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.algorithms.record import core_algorithms
from carousel_agents.learning.parts import Normalisation
from carousel_agents.learning.view import Scaling, View
from carousel_envs import CarouselError, Population, Questions
from support.learned_models import file_of, played, trained_model
from support.matrix import most_later

# some personas are away, so that it matters who heeds that
BOREDOM = Population.preset("Boredom").replace(unavailability=0.3)
TASTE = Population.preset("Taste").replace(unavailability=0.3)
RECALL = Questions.preset("Recall")
CASES = {
    "Boredom": (BOREDOM, View()),
    "Taste": (TASTE, View(history=3, visible_context=True)),
    "Recall": (RECALL, View(history=2)),
}
_LANES, _TURNS = 128, 90


def told_by_torch(model: Any, row: Any, mask: Any, state: Any, begins: Any) -> Any:
    """What the model's own forward pass says of each persona: log-probabilities or values."""
    policy, x = model.policy, torch.as_tensor(row)
    policy.set_training_mode(False)

    def remembering(*masks: Any) -> Any:
        memory = tuple(torch.as_tensor(s) for s in state)
        told, _ = policy.get_distribution(x, memory, torch.as_tensor(begins).float(), *masks)
        return told.distribution.logits

    ways = {
        "DQN": lambda: policy.q_net(x),
        "QRDQN": lambda: policy.quantile_net(x).mean(dim=1),
        "MaskablePPO": lambda: policy.get_distribution(x, mask).distribution.logits,
        "RecurrentPPO": remembering,
        "MaskableRecurrentPPO": lambda: remembering(mask),
    }
    way = ways.get(type(model).__name__, lambda: policy.get_distribution(x).distribution.logits)
    with torch.no_grad():
        return way().numpy()


def assert_same(model: Any, router: LearnedRouter, population: Any, view: View, see=None) -> None:
    """Play more than 10 000 turns; `see`: what the model is shown of a row."""
    ties = compared = 0
    masked, logits = router.file.network.masked, router.file.network.head == "logits"
    state = router.initial_state(_LANES, 0)
    theirs_state = None if state is None else tuple(state)
    tell = router.log_probabilities if logits else router.outputs
    for row, begins, mask in zip(*played(population, view, _LANES, _TURNS), strict=True):
        seen = row if see is None else see(row)
        theirs = told_by_torch(model, seen, mask, theirs_state, begins)
        actions, theirs_state = model.predict(
            seen,
            state=theirs_state,
            episode_start=begins,
            deterministic=True,
            **({"action_masks": mask} if masked else {}),
        )
        ours, _ = tell(row, state)
        shown = mask if masked else np.ones_like(mask)
        assert not np.isfinite(ours[~shown]).any()
        rtol, atol = (0, 1e-5) if logits else (1e-4, 1e-5)
        np.testing.assert_allclose(ours[shown], theirs[shown], rtol=rtol, atol=atol)
        picked, state = router.act(row, state)
        for lane in np.flatnonzero(picked != actions):
            assert abs(ours[lane, picked[lane]] - ours[lane, actions[lane]]) < 1e-5
            ties += 1
        compared += len(row)
    assert ties < 3
    assert compared > 10_000


def reloaded(file: PolicyFile, path: Path) -> LearnedRouter:
    file.save(path / "policy.safetensors")
    return LearnedRouter(PolicyFile.load(path / "policy.safetensors"), "learned")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("algorithm", "case"),
    most_later(
        itertools.product(core_algorithms(), CASES),
        lambda algorithm, case: case == "Taste" or algorithm == "ppo",
    ),
)
def test_a_file_acts_as_its_model_does(algorithm: str, case: str, tmp_path: Path):
    population, view = CASES[case]
    extra = {"lstm_hidden_size": 20} if "recurrent" in algorithm else {}
    model = trained_model(algorithm, population, view, **extra)
    router = reloaded(file_of(model, algorithm, population, view), tmp_path)
    # tables tell who remembers from the record alone
    assert ALGORITHMS.find(algorithm).remembers == bool(router.file.network.lstm)
    assert_same(model, router, population, view)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "algorithm", most_later(core_algorithms(), lambda name: name in ("ppo", "dqn", "recurrent-ppo"))
)
def test_linear_networks_relu_and_plain_columns_too(algorithm: str, tmp_path: Path):
    extra: dict[str, Any] = {"net_arch": (), "activation_fn": torch.nn.ReLU}
    if "recurrent" in algorithm:
        extra |= {"lstm_hidden_size": 12, "n_lstm_layers": 2, "net_arch": (8,)}
    model = trained_model(algorithm, BOREDOM, plain=True, **extra)
    router = reloaded(file_of(model, algorithm, BOREDOM), tmp_path)
    assert len(router.file.network.layers) == 1 + len(extra["net_arch"])
    assert_same(model, router, BOREDOM, View())


@pytest.mark.parametrize(
    "critic",
    [
        {"shared_lstm": True, "enable_critic_lstm": False},
        {"shared_lstm": False, "enable_critic_lstm": False},
    ],
)
def test_only_the_acting_half_of_a_recurrent_model_matters(critic: dict[str, bool], tmp_path: Path):
    model = trained_model("recurrent-ppo", BOREDOM, lstm_hidden_size=12, net_arch=(), **critic)
    router = reloaded(file_of(model, "recurrent-ppo", BOREDOM), tmp_path)
    assert_same(model, router, BOREDOM, View())


def test_statistics_before_a_model_become_its_scaling(tmp_path: Path):
    model = trained_model("ppo", BOREDOM, plain=True)
    rows = np.concatenate(played(BOREDOM, None, 64, 40)[0])
    mean, deviation = rows.mean(axis=0), rows.std(axis=0) + np.float32(0.1)
    before = Normalisation(Scaling((), mean, deviation), clip=1.5)
    router = reloaded(file_of(model, "ppo", BOREDOM, normalisation=before), tmp_path)
    cut = np.abs((rows - mean) / deviation) > 1.5
    assert cut.any(), "a clip that cuts nothing would show nothing"
    see = lambda row: np.clip((row - mean) / deviation, -1.5, 1.5)  # noqa: E731
    assert_same(model, router, BOREDOM, View(), see)


class Widened(torch.nn.Tanh):
    """An activation of somebody's own."""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m.policy.action_net.weight.data.fill_(np.nan), "training diverged"),
        (lambda m: m.policy.mlp_extractor.policy_net.append(Widened()), "Tanh, Widened, Linear"),
        (lambda m: setattr(m.policy, "action_net", torch.nn.Tanh()), "Tanh, Tanh; only dense"),
        (lambda m: setattr(m, "action_space", spaces.Box(-1, 1, (2,))), "acts in Box"),
        (lambda m: setattr(m, "action_space", spaces.Discrete(9)), "offered 4 personas"),
        (lambda m: setattr(m, "observation_space", spaces.Box(0, 1, (3,))), "users show"),
        (lambda m: setattr(m.policy, "pi_features_extractor", Widened()), "features with Widened"),
        (lambda m: setattr(m, "policy", Widened()), "policy is of class Widened"),
    ],
)
def test_what_cannot_be_written_is_told(change, sentence: str):
    model = trained_model("ppo", BOREDOM, steps=320)
    change(model)
    with pytest.raises(CarouselError, match=sentence) as caught:
        file_of(model, "ppo", BOREDOM)
    assert "\n" not in str(caught.value)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("options", [{"bidirectional": True}, {"proj_size": 4}, {"bias": False}])
def test_other_lstms_are_refused(options: dict[str, Any]):
    model = trained_model("recurrent-ppo", BOREDOM, steps=320, lstm_hidden_size=12, net_arch=())
    model.policy.lstm_actor = torch.nn.LSTM(15, 12, **options)
    with pytest.raises(CarouselError, match="only a plain one"):
        file_of(model, "recurrent-ppo", BOREDOM)


def test_a_model_of_another_algorithm_is_refused():
    model = trained_model("ppo", BOREDOM, steps=320)
    with pytest.raises(CarouselError, match="the model is of class PPO; a2c makes A2C"):
        file_of(model, "a2c", BOREDOM)
    with pytest.raises(CarouselError, match="algorithm 'sarsa' is unknown; known are ppo"):
        file_of(model, "sarsa", BOREDOM)
    with pytest.raises(CarouselError, match="users show"):
        file_of(model, "ppo", BOREDOM, View(history=2))


def test_statistics_before_a_model_that_scales_itself_are_refused():
    model = trained_model("ppo", BOREDOM, steps=320)
    before = Normalisation(Scaling((), np.zeros(15, np.float32), np.ones(15, np.float32)), 10.0)
    with pytest.raises(CarouselError, match="scales columns itself"):
        file_of(model, "ppo", BOREDOM, normalisation=before)
