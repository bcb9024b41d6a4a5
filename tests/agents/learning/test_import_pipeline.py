"""An imported policy is the model behind the wrappers that it was trained behind, or is refused."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import (
    FlattenObservation,
    FrameStackObservation,
    NormalizeObservation,
    RescaleObservation,
    TimeAwareObservation,
    TransformObservation,
)
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnv,
    VecFrameStack,
    VecNormalize,
)
from typer.testing import CliRunner

from carousel_agents.commands.app import app
from carousel_agents.learning import CarouselVecEnv, LearnedRouter, PolicyFile, import_sb3
from carousel_agents.learning.pipeline import FrameStack
from carousel_agents.learning.stacking import PaddedHistory, PaddedView
from carousel_agents.learning.view import View
from carousel_envs import CarouselError, CarouselVectorEnv, Population
from carousel_envs.registry import columns_of, scalar_env
from carousel_envs.wrappers import History
from support.learned_models import trained_model
from support.policy_files import RECALL, make_file

# sessions end in both ways, and often within what is trained here
BOREDOM = Population.preset("Boredom").replace(session_length=9, leave_bored=0.1)
LANES, WIDTH = 16, len(columns_of(BOREDOM))


def lanes(population: Any = BOREDOM, seed: int = 0) -> VecEnv:
    return CarouselVecEnv.of(population, LANES, seed, time_limit="end")


def gymnasium_stack(padding: str, population: Any = BOREDOM) -> VecEnv:
    def one() -> Any:
        env = FrameStackObservation(scalar_env(population), 3, padding_type=padding)
        return FlattenObservation(env)

    return DummyVecEnv([one] * LANES)


BEHIND: dict[str, Any] = {
    "nothing": lambda: lanes(),
    "stack": lambda: VecFrameStack(lanes(), 3),
    "normalised": lambda: VecNormalize(lanes(), clip_obs=2.0),
    "normalised stack": lambda: VecNormalize(VecFrameStack(lanes(), 3)),
    "stack of normalised": lambda: VecFrameStack(VecNormalize(lanes()), 3),
    "gymnasium's stack": lambda: gymnasium_stack("reset"),
    "gymnasium's stack of zeros": lambda: gymnasium_stack("zero"),
    "history": lambda: CarouselVecEnv.of(BOREDOM, LANES, view=View(3)),
}
RIGHT: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "stack": ("--frame-stack", "3"),
    "normalised": ("--vecnormalize",),
    "normalised stack": ("--frame-stack", "3", "--vecnormalize"),
    "stack of normalised": ("--frame-stack", "3", "--vecnormalize"),
    "gymnasium's stack": ("--frame-stack", "3", "--padding", "first"),
    "gymnasium's stack of zeros": ("--frame-stack", "3"),
    "history": ("--history", "3"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Models and their statistics, each trained once."""
    folder, made = tmp_path_factory.mktemp("models"), {}

    def get(behind: str) -> tuple[Any, VecEnv, Path, Path]:
        if behind not in made:
            env = BEHIND[behind]()
            # long enough for weights to differ, and to stop amid a session
            model = trained_model("ppo", BOREDOM, plain=True, env=env, steps=340)
            if "gymnasium" in behind:
                # stopped where some sessions have just begun
                model._last_obs[:8] = env.reset()[:8]
            path = folder / f"{len(made)}.zip"
            model.save(path)
            statistics = model.get_vec_normalize_env()
            if statistics is not None:
                statistics.save(str(path.with_suffix(".pkl")))
            made[behind] = (model, env, path, path.with_suffix(".pkl"))
        return made[behind]

    return get


def importing(saved: Any, behind: str, out: Path, *claim: str) -> Any:
    _, _, path, statistics = saved(behind)
    claim = tuple(x for c in claim for x in ((c, statistics) if c == "--vecnormalize" else (c,)))
    changes = ("--set", "session_length=9", "--set", "leave_bored=0.1")
    command = ("import-sb3", path, "Boredom", "--algo", "ppo", "--trust", "--out", out)
    every = [str(part) for part in (*command, *changes, *claim)]
    return CliRunner().invoke(app, every, catch_exceptions=False)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("behind", RIGHT)
def test_a_policy_picks_as_its_model_does_behind_its_wrappers(
    behind: str, saved: Any, tmp_path: Path
):
    model, env, *_ = saved(behind)
    done = importing(saved, behind, tmp_path / "p.safetensors", *RIGHT[behind])
    assert (done.exit_code, done.stderr) == (0, "")
    file = PolicyFile.load(tmp_path / "p.safetensors")
    padded = "stack" in behind and behind != "gymnasium's stack"
    assert isinstance(file.view, PaddedView) == padded
    assert file.document()["format"] == (3 if padded else 2)
    router = LearnedRouter(file, "imported")
    statistics = model.get_vec_normalize_env()
    if statistics is not None:
        statistics.training = False
    env.seed(77)
    theirs = env.reset()
    ours = file.view.wrap(CarouselVectorEnv(LANES, population=BOREDOM, autoreset_mode="SameStep"))
    shown, _ = ours.reset(seed=77)
    same = []
    for _ in range(40):
        expected, _ = model.predict(theirs, deterministic=True)
        picks, _ = router.act(shown, None)
        same.append(picks == expected)
        theirs = env.step(picks)[0]
        shown = ours.step(picks)[0]
    assert np.mean(same) > 0.995
    assert len(np.unique(picks)) > 1 or np.mean(same) == 1.0


@pytest.mark.parametrize(
    ("behind", "claim", "sentence"),
    [
        ("stack", ("--history", "3"), "behind VecFrameStack, which puts the newest observation"),
        ("stack", ("--frame-stack", "3", "--padding", "first"), "trained behind VecFrameStack"),
        ("history", ("--frame-stack", "3"), "have the newest observation first, not the newest"),
        (
            "history",
            ("--frame-stack", "3", "--padding", "first"),
            "have the newest observation first, not the newest observation last",
        ),
        ("gymnasium's stack", ("--history", "3"), "have the newest observation last, not"),
        ("gymnasium's stack", ("--frame-stack", "3"), "not padded with zeros, but with first"),
        (
            "gymnasium's stack of zeros",
            ("--frame-stack", "3", "--padding", "first"),
            "not padded with first, but with zeros",
        ),
        ("normalised", (), "behind VecNormalize, whose statistics are needed"),
        ("stack of normalised", ("--frame-stack", "3"), "whose statistics are needed"),
        ("nothing", ("--frame-stack", "3"), "these users show 45 columns"),
        ("stack", ("--frame-stack", "3", "--history", "3"), "give one"),
        ("nothing", ("--padding", "first"), "there is no --frame-stack"),
        ("nothing", ("--frame-stack", "1"), "frame_stack is 1"),
        ("nothing", ("--set", "session_length=12"), r"trained on others \(--set\)"),
    ],
)
def test_a_wrong_word_on_what_stood_before_a_model_is_refused(
    behind: str, claim: tuple[str, ...], sentence: str, saved: Any, tmp_path: Path
):
    with pytest.raises(CarouselError, match=sentence):
        importing(saved, behind, tmp_path / "p.safetensors", *claim)
    assert not any(tmp_path.iterdir())


def test_statistics_of_another_model_are_refused(saved: Any, tmp_path: Path):
    statistics = saved("normalised")[3]
    given = {"algorithm": "ppo", "environment": "Carousel/Boredom-v0"}
    with pytest.raises(CarouselError, match="was not trained behind VecNormalize"):
        import_sb3(saved("nothing")[2], BOREDOM, vecnormalize=statistics, **given)
    with pytest.raises(CarouselError, match=r"have shape \(45,\); this model reads 15"):
        import_sb3(
            saved("normalised")[2], BOREDOM, vecnormalize=saved("normalised stack")[3], **given
        )


@pytest.mark.parametrize(
    ("wrap", "sentence"),
    [
        (NormalizeObservation, "reads reply_latency from -inf to inf"),
        (lambda env: RescaleObservation(env, np.float32(-1), np.float32(1)), "from -1 to 1"),
        (
            lambda env: FlattenObservation(TimeAwareObservation(env)),
            "reads observations of form .16,.; these users show 15 columns",
        ),
        (
            lambda env: TransformObservation(env, lambda x: 3 - x, env.observation_space),
            "lie outside what these users show",
        ),
    ],
)
def test_other_wrappers_are_refused(wrap: Any, sentence: str, tmp_path: Path):
    def one() -> Any:
        return wrap(gym.make("Carousel/Boredom-v0", population=BOREDOM, **limit))

    limit = {"max_episode_steps": 9} if "form" in sentence else {}
    try:
        env = DummyVecEnv([one] * LANES)
    except (CarouselError, ValueError, KeyError):
        pytest.skip("this wrapper takes no environment of ours yet")
    model = trained_model("ppo", BOREDOM, plain=True, env=env, steps=320)
    model.save(tmp_path / "m.zip")
    with pytest.raises(CarouselError, match=sentence):
        import_sb3(tmp_path / "m.zip", BOREDOM, algorithm="ppo", environment="Carousel/Boredom-v0")


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("algorithm", "population"),
    [
        *(("recurrent-ppo", BOREDOM), ("maskable-ppo", BOREDOM), ("dqn", RECALL)),
        *(("qr-dqn", BOREDOM), ("maskable-recurrent-ppo", BOREDOM)),
    ],
)
def test_stacks_of_every_kind_of_network_are_played_beside(
    algorithm: str, population: Any, tmp_path: Path
):
    if "maskable" in algorithm:
        population = population.replace(unavailability=0.3)
    more = {"lstm_hidden_size": 8} if "recurrent" in algorithm else {}
    env = VecFrameStack(lanes(population), 2)
    model = trained_model(algorithm, population, plain=True, env=env, steps=1, **more)
    model.save(tmp_path / "m.zip")
    file = import_sb3(
        tmp_path / "m.zip",
        population,
        algorithm=algorithm,
        environment="Mine/Any-v0",
        frame_stack=FrameStack(2),
    )
    assert file.view.padding == (0.0,) * len(columns_of(population))


def test_a_difference_between_policy_and_model_is_refused(
    saved: Any, monkeypatch: pytest.MonkeyPatch
):
    """Whatever went wrong in between."""
    monkeypatch.setattr("carousel_agents.learning.importing.newest_first", lambda file: file)
    with pytest.raises(CarouselError, match=r"picks otherwise than the model in \d+ of 960"):
        import_sb3(
            saved("stack")[2],
            BOREDOM,
            algorithm="ppo",
            environment="Carousel/Boredom-v0",
            frame_stack=FrameStack(3),
        )


# -- the view ---------------------------------------------------------------------------------


def test_a_padded_history_is_a_history_but_for_what_was_before():
    padding = tuple(np.linspace(-1.0, 1.0, WIDTH).tolist())
    view = PaddedView(3, padding=padding)
    padded = view.wrap(CarouselVectorEnv(4, population=BOREDOM, autoreset_mode="SameStep"))
    plain = History(CarouselVectorEnv(4, population=BOREDOM, autoreset_mode="SameStep"), 3)
    scalar = view.wrap(scalar_env(BOREDOM))
    (ours, _), (theirs, _) = (env.reset(seed=2) for env in (padded, plain))
    one, _ = scalar.reset(seed=2)
    turns = np.zeros(4, int)
    for turn in range(25):
        known = np.arange(3)[None, :] <= turns[:, None]
        rows = np.where(
            known[..., None], theirs.reshape(4, 3, WIDTH), np.array(padding, np.float32)
        )
        np.testing.assert_array_equal(ours, rows.reshape(4, -1))
        np.testing.assert_array_equal(ours[0], one)
        assert padded.observation_space.contains(ours)
        picks = np.full(4, turn % 4)
        (ours, _, *over, _), (theirs, *_) = padded.step(picks), plain.step(picks)
        one, _, *ended, _ = scalar.step(turn % 4)
        if any(ended):
            one, _ = scalar.reset()
        turns = np.where(over[0] | over[1], 0, turns + 1)
    assert turns.max() > 0


def test_padded_views_are_kept_in_files_and_wrong_ones_refused(tmp_path: Path):
    view = PaddedView(2, padding=(0.25,) * 15)
    file = make_file(view=view)
    file.save(tmp_path / "p.safetensors")
    loaded = PolicyFile.load(tmp_path / "p.safetensors")
    assert loaded.view == view
    assert loaded.document()["format"] == 3
    assert loaded.group == "ppo-stack2"
    with pytest.raises(CarouselError, match="padding has 3 numbers; it must have 15"):
        PaddedHistory(scalar_env(BOREDOM), 2, (0.0,) * 3)
    for bad in ((0.0, float("nan")), (), (1e9,)):
        with pytest.raises(CarouselError, match="padding"):
            PaddedView(2, padding=bad)
    with pytest.raises(CarouselError, match="history of a padded view is 1"):
        PaddedView(1, padding=(0.0,))
