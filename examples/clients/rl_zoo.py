# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "torch==2.13.0", "rl_zoo3==2.9.2", "pandas>=2.2,<3", "requests>=2", "persona-carousel[agents]",
# ]
# ///
"""RL Zoo3: train, enjoy, optimise, and the trained model as a policy file."""

import subprocess
import sys
import tempfile
from pathlib import Path

from carousel_agents.learning import FrameStack, import_sb3

HERE, ID = Path(__file__).parent, "Carousel/Boredom-v0"
COMMON = ("--algo", "ppo", "--env", ID, "--gym-packages", "carousel_envs")


def zoo(command: str, *arguments: str) -> str:
    """What `python -m rl_zoo3.COMMAND` prints."""
    whole = [sys.executable, "-m", f"rl_zoo3.{command}", *COMMON, *arguments]
    done = subprocess.run(whole, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return done.stdout


SETTINGS = ("--conf-file", str(HERE / "rl_zoo.yml"))

with tempfile.TemporaryDirectory() as folder:
    logs = ("-f", folder)
    zoo("train", *SETTINGS, *logs, "--seed", "1", "--device", "cpu", "--eval-freq", "10000")
    (archive,) = Path(folder).glob("ppo/*_1/Carousel-Boredom-v0.zip")
    print("trained:", archive.name)

    told = zoo("enjoy", *logs, "--exp-id", "1", "-n", "300", "--no-render", "--device", "cpu")
    assert "Episode Reward" in told, told
    print("enjoyed:", told.count("Episode Reward"), "sessions")

    # the Zoo normalises observations first and then stacks them
    (statistics,) = archive.parent.rglob("vecnormalize.pkl")
    file = import_sb3(
        archive, "Boredom", algorithm="ppo", frame_stack=FrameStack(2), vecnormalize=statistics
    )
    print("imported:", file.network.parameters, "weights")

    searched = ("--optimize", "--n-trials", "2", "--n-jobs", "1", "--n-evaluations", "1")
    steps = ("-n", "2000", "--eval-episodes", "2", "--no-optim-plots", "--device", "cpu")
    zoo("train", *SETTINGS, *logs, *searched, *steps, "--seed", "1")
    (report,) = Path(folder).rglob("report_*.csv")
    print("optimised:", report.name)
