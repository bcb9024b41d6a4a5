# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "stable-baselines3==2.9.2", "persona-carousel[agents]"]
# ///
"""VecNormalize and VecFrameStack: a model trained with both becomes a file that needs no torch."""

import tempfile
from pathlib import Path

from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

from carousel_agents.generalisation import evaluate
from carousel_agents.learning import (
    CarouselVecEnv,
    FrameStack,
    LearnedRouter,
    SB3Router,
    import_sb3,
)
from carousel_envs import CarouselError, Population

taste = Population.preset("Taste")
env = VecFrameStack(VecNormalize(CarouselVecEnv.of(taste, 64, time_limit="end")), 4)
model = PPO("MlpPolicy", env, n_steps=40, batch_size=512, seed=0, device="cpu")
model.learn(60_000)

with tempfile.TemporaryDirectory() as folder:
    archive, statistics = Path(folder) / "model.zip", Path(folder) / "statistics.pkl"
    model.save(archive)
    model.get_vec_normalize_env().save(str(statistics))
    file = import_sb3(
        archive, "Taste", algorithm="ppo", frame_stack=FrameStack(4), vecnormalize=statistics
    )
    try:
        import_sb3(archive, "Taste", algorithm="ppo", frame_stack=FrameStack(4))
    except CarouselError as refusal:
        print(f"without its statistics: {refusal}")
    else:
        raise AssertionError("a policy without its statistics was imported")

live = evaluate(SB3Router(model, "Taste", frame_stack=FrameStack(4)), taste, users=2000)
alone = evaluate(LearnedRouter(file, "imported"), taste, users=2000)
assert abs(live.engagement - alone.engagement) < 0.05, (live.engagement, alone.engagement)
print(f"engagement per session: {live.engagement:.3f} in SB3, {alone.engagement:.3f} from the file")
