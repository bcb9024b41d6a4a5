"""Training runs of a second or so, of every algorithm."""

from carousel_agents.learning.train import Run
from carousel_envs import Population

BOREDOM = Population.preset("Boredom")

SMALL = {
    "ppo": {"lanes": 16, "n_steps": 20, "batch_size": 80},
    "a2c": {"lanes": 16},
    "dqn": {"lanes": 16, "learning_starts": 200, "buffer_size": 2000, "batch_size": 32},
    "recurrent-ppo": {"lanes": 16, "n_steps": 20, "batch_size": 80, "lstm_hidden_size": 8},
    "qr-dqn": {"lanes": 16, "learning_starts": 200, "buffer_size": 2000, "batch_size": 16},
    "maskable-ppo": {"lanes": 16, "n_steps": 20, "batch_size": 80},
    "trpo": {"lanes": 16, "n_steps": 20, "batch_size": 80},
    "maskable-recurrent-ppo": {
        "lanes": 16,
        "n_steps": 20,
        "batch_size": 80,
        "lstm_hidden_size": 8,
    },
    "sbx-ppo": {"lanes": 16, "n_steps": 20, "batch_size": 80},
    "sbx-dqn": {"lanes": 16, "learning_starts": 200, "buffer_size": 2000, "batch_size": 32},
}


def small(algorithm: str, population=BOREDOM, **changes) -> Run:
    request = {"environment": "Mine/X-v0", "steps": 1500, "settings": SMALL[algorithm]}
    return Run.of(population, algorithm=algorithm, **{**request, **changes})
