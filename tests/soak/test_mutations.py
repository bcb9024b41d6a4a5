"""Whatever is changed in a file that is read, the outcome is one sentence or what it would have
been; never another fault, and never another result."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from carousel_agents.benchmark.fill import Filling, fill
from carousel_agents.benchmark.grid import Grid
from carousel_agents.benchmark.perform import perform
from carousel_agents.benchmark.runs import GridRun
from carousel_agents.benchmark.store import RunStore
from carousel_agents.generalisation.shift_suite import ShiftStudy
from carousel_agents.learning import callback
from carousel_agents.learning import tune as tuning
from carousel_agents.learning.train import execute
from carousel_agents.report import write_page
from carousel_agents.study.shift_study import run_shift_study
from carousel_envs import CarouselError, Population
from carousel_envs.reference import store
from support import stand_in
from support.mutations import mutated
from support.small_runs import small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANY = int(os.environ.get("CAROUSEL_MUTATIONS", "5000"))


@pytest.fixture(
    params=[
        10,
        pytest.param(40, marks=pytest.mark.slow),
        pytest.param(MANY, marks=pytest.mark.soak),
    ]
)
def times(request: pytest.FixtureRequest) -> int:
    return request.param


def one_line(error: CarouselError) -> None:
    if "\n" in str(error):
        raise AssertionError(f"more than one sentence: {error!r}")


def survives(
    path: Path, read: Callable[[], Any], times: int, *, before: Callable[[], None] = lambda: None
) -> int:
    """Read a file so many times, each time with other damage; how often it was refused.

    Args:
        path: of the file, undamaged.
        read: what comes of it, to compare.
        times: how many.
        before: puts back what reading changes.
    """
    whole, right, refused = path.read_bytes(), read(), 0
    rng = np.random.default_rng(int(os.environ.get("CAROUSEL_SEED", "0")))
    for i in range(times):
        before()
        damaged = mutated(whole, rng)
        path.write_bytes(damaged)
        try:
            found = read()
        except CarouselError as error:
            refused += 1
            one_line(error)
        except Exception as error:
            raise AssertionError(f"mutation {i} of {path}: {damaged[:3000]!r}") from error
        else:
            assert found == right, f"mutation {i} of {path}: {damaged[:3000]!r}"
    before()
    path.write_bytes(whole)
    assert read() == right
    return refused


# -- training -------------------------------------------------------------------------------------


class KilledError(Exception):
    """What stands in for a kill."""


def test_a_checkpoint(times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "checkpoint"
    run = small("recurrent-ppo", steps=960)
    save, saved = callback.save_checkpoint, []

    def killed(*arguments: Any) -> None:
        save(*arguments)
        saved.append(None)
        if len(saved) == 3:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(callback, "save_checkpoint", killed)
        with pytest.raises(KilledError):
            execute(run, checkpoint=path, checkpoint_seconds=0.0)

    def read() -> bytes:
        file = execute(run, checkpoint=path, checkpoint_seconds=3600.0)
        return b"".join(a.tobytes() for _, a in sorted(file.tensors().items()))

    assert survives(path, read, times) > 0.9 * times


def one_run(seed: int = 0) -> GridRun:
    return GridRun("Carousel/Boredom-v0", "ppo", seed, steps=10_240, users=20, curve=2)


def here(jobs: Any, report: Any) -> Any:
    from carousel_agents.benchmark.engine import Outcome

    for job in jobs:
        yield Outcome(job, perform(job, lambda share, mean: None))


def told(records: Any) -> Any:
    return [(r["request"], r["training"], r["evaluation"], r["policy_sha256"]) for r in records]


def test_a_record_of_a_grid(times: int, tmp_path: Path):
    def filled() -> Any:
        results = fill([one_run()], tmp_path, Filling(engine=here, execute=stand_in.execute))
        return told([result.record for result in results])

    filled()
    path = tmp_path / one_run().name / "run.json"

    def read() -> Any:
        return filled(), told(RunStore(tmp_path).finished()[0])

    survives(path, read, times)


def test_a_grid(times: int, tmp_path: Path):
    path = tmp_path / "grid.toml"
    text = (
        'curve = 3\n[evaluation]\nusers = 500\nseed = 7\n[[row]]\nenvironments = ["Boredom"]\n'
        'algorithms = ["ppo", "dqn"]\nseeds = [3, 4]\nsteps = 60_000\nhistory = 8\n'
        'set = ["n_users=100"]\nshifts = ["hazard=1"]\nusers = "few"\n'
        'settings = { gamma = 0.5 }\nlabel = "g5"\n'
    )
    path.write_text(text)
    whole, refused = path.read_bytes(), 0
    rng = np.random.default_rng(0)
    for _ in range(times):
        path.write_bytes(mutated(whole, rng))
        # another grid may be a good one: nothing but its text says what was meant
        try:
            for run in Grid.read(path).runs():
                assert run.name
        except CarouselError as error:
            refused += 1
            one_line(error)
    assert refused > 0.2 * times


# -- studies --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "out"
    run_shift_study(STUDY, folder, workers=1)
    return folder


STUDY = ShiftStudy(
    ("uniform",),
    Population.preset("Boredom").replace(session_length=6),
    "Carousel/Boredom-v0",
    users=3,
    axes=("swap-cost",),
    severities=(1.0,),
    changes=("session_length=6",),
)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", ["results.parquet", "summary.json"])
@pytest.mark.parametrize("sign", [False, True])
def test_a_folder_of_results(name: str, sign: bool, times: int, tmp_path: Path, finished: Path):
    if sign and name == "summary.json":
        pytest.skip("a summary that is signed anew is another summary")
    folder = tmp_path / "out"
    shutil.copytree(finished, folder)
    kept = {p.name: p.read_bytes() for p in folder.iterdir()}

    def before() -> None:
        for file, data in kept.items():
            (folder / file).write_bytes(data)

    def read() -> Any:
        if sign:
            from carousel_agents.system.sealed_documents import sealed

            summary = json.loads((folder / "summary.json").read_text())
            digest = hashlib.sha256((folder / "results.parquet").read_bytes()).hexdigest()
            (folder / "summary.json").write_bytes(sealed(summary | {"results_sha256": digest}))
        page = write_page([folder]).stat().st_size > 10_000
        outcome = run_shift_study(STUDY, folder, workers=1)
        rows = outcome.rows
        if sign:
            # who signs anew may say what they like, in the form of results
            return page, rows.schema
        return page, rows.write_json(), outcome.summary["request"]

    if sign:
        # another thing is another page: that there is a sentence or a page is all that is asked
        times = max(40, times // 5)
    survives(folder / name, read, times, before=before)


def test_a_part_of_a_study(times: int, tmp_path: Path, finished: Path):
    (target,) = STUDY.plan().targets
    from carousel_agents.generalisation.encounters import Played
    from carousel_agents.study.folder import StudyFolder

    folder = StudyFolder(tmp_path)
    rows = pl.read_parquet(finished / "results.parquet").filter(pl.col("severity") == 1.0)
    fingerprint = target.population.fingerprint
    conditions = frozenset((fingerprint, target.severity, axis.name) for axis in target.axes)
    folder.keep(target.name, Played(rows.to_dicts(), {"loop": "it makes no sense"}))
    (path,) = folder.parts.iterdir()
    right = folder.part(target.name, conditions)
    assert right is not None

    def read() -> Any:
        # what is not as it was is played anew
        return folder.part(target.name, conditions) or right

    assert survives(path, read, times) == 0


# -- stores ---------------------------------------------------------------------------------------


def test_an_entry_of_the_store(times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CAROUSEL_CACHE", str(tmp_path))
    population = Population.preset("Boredom")
    arrays = {"value": np.array(2.5), "picks": np.arange(600).reshape(2, 300)}

    def read() -> Any:
        found = store.stored("kinds", population, lambda: arrays)
        return {name: array.tolist() for name, array in found.items()}

    read()
    (path,) = tmp_path.iterdir()
    assert survives(path, read, times) == 0


@pytest.mark.slow
def test_a_database_of_a_search(times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Values in it bear no digest: whether another result comes of them cannot be told."""
    path = tmp_path / "s"

    def trained(run: Any, **_: Any) -> Any:
        return SimpleNamespace(training={"curve": [{"engagement": run.settings.learning_rate}]})

    monkeypatch.setattr(tuning, "execute", trained)

    def read() -> str:
        tuning.tune(
            Population.preset("Boredom"),
            environment="Mine/X-v0",
            algorithm="a2c",
            seeds=1,
            trials=3,
            storage=path,
        )
        return "a search"

    read()
    survives(path, read, times)


# -- populations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Boredom", "Satiation", "Welfare"])
def test_the_text_of_a_population(name: str, times: int, tmp_path: Path):
    path = tmp_path / "population.json"
    path.write_text(Population.preset(name).model_dump_json())
    rng, whole, refused = np.random.default_rng(0), path.read_bytes(), 0
    for _ in range(times):
        # another text may be that of another population, which is allowed
        try:
            again = Population.from_json(mutated(whole, rng).decode("utf-8", "replace"))
            assert Population.from_json(again.model_dump_json()) == again
        except CarouselError as error:
            refused += 1
            one_line(error)
    assert refused > 0.2 * times
