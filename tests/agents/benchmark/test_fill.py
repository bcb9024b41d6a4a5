"""Run stores: filled once, gone on with after any end, and never overwritten unasked."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from carousel_agents.benchmark import engine
from carousel_agents.benchmark.fill import Listener, evaluate_again
from carousel_agents.benchmark.remaining import Remaining, in_words
from carousel_agents.benchmark.runs import GridRun
from carousel_agents.benchmark.store import RunFolder, RunStore
from carousel_agents.generalisation import evaluate
from carousel_agents.learning.levels import Levels
from carousel_agents.router import find_router
from carousel_envs import CarouselError
from support import stand_in
from support.filled import STEPS, files, filled, here, run
from support.matrix import most_later

"""A single rollout of the preset."""


def test_a_run_leaves_a_policy_and_a_record(tmp_path):
    (result,) = filled(tmp_path, run(), command="carousel grid x")
    folder = tmp_path / "Boredom" / "ppo" / "seed-0"
    assert sorted(p.name for p in folder.iterdir()) == ["policy.safetensors", "run.json"]
    record = json.loads((folder / "run.json").read_text())
    assert result.status == "done"
    assert result.record.items() <= record.items()
    assert record["request"]["population"] == run().population.fingerprint
    assert record["training"]["curve"][-1]["steps"] == STEPS
    assert record["command"] == "carousel grid x"
    assert record["machine"]["cores"] == os.cpu_count()
    router = find_router(str(folder / "policy.safetensors"), run().population)
    again = evaluate(router, run().population, users=50, seed=1).row()
    assert record["evaluation"] == json.loads(json.dumps(again))


def test_finished_runs_are_evaluated_again_without_training(tmp_path):
    filled(tmp_path, run(0), run(1))
    path = tmp_path / "Boredom" / "ppo" / "seed-1" / "run.json"
    before = RunFolder(path.parent).record()
    RunFolder(path.parent).write({**before, "evaluation": {**before["evaluation"], "swaps": 7.0}})
    told = []
    runs = [run(0), run(1), run(2)]
    assert evaluate_again(runs, tmp_path, lambda *one: told.append(one)) == 2
    assert [(done, of) for done, of, _ in told] == [(1, 2), (2, 2)]
    assert RunFolder(path.parent).record() == before


def test_what_is_there_is_kept_to_the_last_byte(tmp_path):
    filled(tmp_path, run(0))
    before = files(tmp_path)
    kept, new = filled(tmp_path, run(0), run(1), force=True)
    assert (kept.status, new.status) == ("kept", "done")
    assert kept.record["request"]["seed"] == 0
    assert before.items() <= files(tmp_path).items()


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"steps": 2 * STEPS}, "settings.steps is 10240 there, 20480 was asked for"),
        ({"steps": None}, "settings.steps is 10240 there, 2000000 was asked for"),
        ({"users": 51}, "evaluation.users is 50 there, 51"),
        ({"evaluation_seed": 2}, "evaluation.seed is 1 there, 2"),
        ({"curve": 3}, "curve is 2 there, 3"),
    ],
)
def test_what_was_asked_for_differently_is_replaced_only_when_told(tmp_path, changes, difference):
    filled(tmp_path, run())
    before = files(tmp_path)
    with pytest.raises(CarouselError, match=f"holds another run: {difference}.*--force"):
        filled(tmp_path, run(**changes), run(1))
    assert files(tmp_path) == before
    results = filled(tmp_path, run(**changes), run(1), force=True)
    assert [result.status for result in results] == ["done", "done"]
    assert files(tmp_path) != before


def test_other_settings_or_users_make_another_run(tmp_path):
    filled(tmp_path, run())
    record = tmp_path / run().name / "run.json"
    document = json.loads(record.read_text())
    for key in ("settings.lanes", "population"):
        changed = json.loads(json.dumps(document))
        name, _, inner = key.partition(".")
        changed["request"][name] = {**changed["request"][name], inner: 1} if inner else "0"
        RunFolder(record.parent).write(changed)
        with pytest.raises(CarouselError, match=f"holds another run: {key} is"):
            filled(tmp_path, run())


def test_a_policy_without_a_record_is_not_replaced(tmp_path):
    policy = tmp_path / run().name / "policy.safetensors"
    policy.parent.mkdir(parents=True)
    policy.write_bytes(b"mine")
    with pytest.raises(CarouselError, match=r"it has no run\.json; give --force"):
        filled(tmp_path, run())
    assert policy.read_bytes() == b"mine"


def test_a_lost_or_changed_policy_is_made_again(tmp_path):
    filled(tmp_path, run())
    policy = tmp_path / run().name / "policy.safetensors"
    for spoil in (policy.unlink, lambda: policy.write_bytes(b"damaged")):
        kept = files(tmp_path)[str(policy.relative_to(tmp_path))]
        spoil()
        (result,) = filled(tmp_path, run())
        assert result.status == "done"
        assert policy.read_bytes() == kept


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is damaged: it is no JSON"),
        ("[]", "is no record"),
        ('{"format": 2}', "is no record"),
        ('{"format": 1}', "is damaged"),
    ],
)
def test_a_damaged_record_is_one_sentence(tmp_path, text, sentence):
    filled(tmp_path, run())
    (tmp_path / run().name / "run.json").write_text(text)
    with pytest.raises(CarouselError, match=f"run.json {sentence}"):
        filled(tmp_path, run())
    with pytest.raises(CarouselError, match=f"run.json {sentence}"):
        RunStore(tmp_path).finished()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("policy_sha256", None),
        ("request", []),
        ("request.view", {"history": 1, "visible_context": False, "zzz": None}),
        ("request.environment", 5),
        ("request.settings", {}),
        ("request.changes", 5),
        ("versions", []),
        ("training.seconds", 0),
        ("training", None),
        ("evaluation.engagement", "a"),
        ("evaluation.engagement", float("nan")),
        ("evaluation.swaps", None),
        ("command", None),
    ],
)
def test_an_edited_record_is_one_sentence_wherever_it_is_read(tmp_path, place, value):
    filled(tmp_path, run())
    file = tmp_path / run().name / "run.json"
    record = json.loads(file.read_text())
    *parents, name = place.split(".")
    part = record
    for parent in parents:
        part = part[parent]
    part[name] = value
    file.write_text(json.dumps(record))
    for read in (lambda: filled(tmp_path, run()), RunStore(tmp_path).finished):
        with pytest.raises(CarouselError, match=f"run.json is damaged: {place}") as told:
            read()
        assert "\n" not in str(told.value)


def test_a_request_with_an_unknown_key_is_reported(tmp_path):
    filled(tmp_path, run())
    file = tmp_path / run().name / "run.json"
    record = json.loads(file.read_text())
    record["request"]["zzz"] = None
    RunFolder(file.parent).write(record)
    with pytest.raises(CarouselError, match="zzz is None there, 'nothing' was asked for"):
        filled(tmp_path, run())


def test_a_failing_run_costs_no_other_and_is_tried_again(tmp_path):
    runs = [run(s) for s in (stand_in.FAILS, 0, stand_in.BREAKS, 1)]
    results = filled(tmp_path, *runs)
    assert [r.status for r in results] == ["failed", "done", "failed", "done"]
    assert results[0].error == "training diverged: it was planted"
    assert results[2].error == "ZeroDivisionError: planted, in two lines"
    note = json.loads((tmp_path / runs[2].name / "run.json").read_text())
    assert note["status"] == "failed"
    assert "stand_in.py" in note["traceback"]
    assert [r.status for r in filled(tmp_path, *runs)] == ["failed", "kept", "failed", "kept"]
    records, unfinished = RunStore(tmp_path).finished()
    assert [record["request"]["seed"] for record in records] == [0, 1]
    assert unfinished == 2


def test_what_other_versions_were_at_begins_anew(tmp_path):
    """A checkpoint is the state of certain versions; they cannot take up another's."""
    folder = RunStore(tmp_path).folder(run())
    filled(tmp_path, run(stand_in.FAILS), run())
    for versions, resumed in (({"numpy": "0"}, 0), (None, 1)):
        record = folder.record()
        changes = {"status": "started", **({"versions": versions} if versions else {})}
        folder.write({**record, **changes})
        folder.checkpoint.write_bytes(b"half way")
        (result,) = filled(tmp_path, run())
        assert result.record["training"]["resumed"] == resumed


def test_what_cannot_be_trained_is_refused_before_anything_is_run(tmp_path):
    short = run(1, algorithm="dqn", steps=1)
    with pytest.raises(CarouselError, match="dqn picks at random for the first"):
        filled(tmp_path, run(), short)
    assert not (tmp_path / "Boredom").exists()


def test_obstacles_are_reported_before_anything_runs(tmp_path):
    (tmp_path / "Boredom").write_text("in the way")
    with pytest.raises(CarouselError, match=r"run\.json cannot be read: Not a directory"):
        filled(tmp_path, run(environment="Carousel/Recall-v0"), run())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Boredom"]


def test_levels_are_solved_once_before_the_workers_need_them(tmp_path):
    solving = []

    class Heard(Listener):
        def solving(self, name):
            solving.append(name)

    levels = ("hazard=1", "swap-cost=0.5")
    filled(
        tmp_path,
        *(run(seed, levels=Levels(levels, "regret")) for seed in range(2)),
        run(0, levels=Levels(("fit=1",))),
        listener=Heard(),
    )
    assert solving == ["Boredom", "Boredom hazard=1", "Boredom swap-cost=0.5"]


def test_two_processes_do_not_fill_one_store(tmp_path):
    class Second(Listener):
        def began(self, kept, jobs):
            with pytest.raises(CarouselError, match="is being written by another process"):
                filled(tmp_path, run(1))

    filled(tmp_path, run(0), listener=Second())
    assert not (tmp_path / run(1).name).exists()


def test_a_folder_that_is_no_store_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(CarouselError, match="there is no such folder"):
        RunStore(tmp_path / "no").finished()
    with pytest.raises(CarouselError, match="holds no run; `carousel grid`"):
        RunStore(tmp_path).finished()
    (tmp_path / "file").write_text("")
    with pytest.raises(CarouselError, match="cannot be written"):
        filled(tmp_path / "file", run())


@pytest.mark.slow
def test_workers_do_what_this_process_would_and_outlive_the_death_of_one(tmp_path):
    seen = []

    class Seen(Listener):
        def progress(self, job, share, mean_return):
            seen.append((job.run.seed, share, mean_return))

    runs = [run(s) for s in (stand_in.DIES, 0, stand_in.BREAKS, 1)]
    local = engine.LocalEngine(2)
    results = filled(tmp_path / "a", *runs, engine=local, listener=Seen())
    assert [r.status for r in results] == ["failed", "done", "failed", "done"]
    assert results[0].error == "its process ended with exit code 7"
    assert results[2].error == "ZeroDivisionError: planted, in two lines"
    assert (0, 0.5, 1.0) in seen
    filled(tmp_path / "b", *runs[1::2])
    for which in runs[1::2]:
        a, b = ((tmp_path / s / which.name / "policy.safetensors").read_bytes() for s in "ab")
        assert a == b


def test_a_run_that_another_process_has_ended_meanwhile_is_not_run_again(tmp_path):
    """The worker of a process that was killed may end its run before it ends itself."""

    def overtaken(jobs, report):
        list(here(jobs, report))
        yield from here([replace(job, execute=None) for job in jobs], report)

    (result,) = filled(tmp_path, run(), engine=overtaken)
    assert result.status == "done", result.error
    assert result.record["training"]["seconds"] == 2.0


def test_what_a_kill_after_the_end_of_a_run_leaves_is_removed(tmp_path):
    filled(tmp_path, run())
    before = files(tmp_path)
    for name in ("training.checkpoint", ".lock", ".run.json.1.part"):
        (tmp_path / run().name / name).write_bytes(b"left")
    assert filled(tmp_path, run())[0].status == "kept"
    assert files(tmp_path) == before


@pytest.mark.slow
def test_workers_do_not_hear_of_ctrl_c(tmp_path):
    """It is for their parent to hear: it ends them, or, in a notebook, may go on."""

    class Interrupts(Listener):
        def progress(self, job, share, mean_return):
            (worker,) = multiprocessing.active_children()
            os.kill(worker.pid, signal.SIGINT)

    dawdles = run(stand_in.DAWDLES)
    (result,) = filled(tmp_path, dawdles, engine=engine.LocalEngine(1), listener=Interrupts())
    assert result.status == "done", result.error


INTERRUPTED = """
import sys
from pathlib import Path
from support import stand_in
from support.filled import filled, run
from carousel_agents.system import interruption
from carousel_agents.benchmark.engine import LocalEngine
if __name__ == "__main__":
    interruption.listen()
    runs = [run(0), run(stand_in.HANGS)]
    try:
        filled(Path(sys.argv[1]), *runs, engine=LocalEngine(1))
    except interruption.Interrupted:
        print("interrupted")
"""


def processes_naming(text: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found += [folder.name] * (text in (folder / "environ").read_text(errors="replace"))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    "ending",
    most_later([signal.SIGINT, signal.SIGKILL], lambda ending: ending == signal.SIGKILL),
)
def test_after_an_interruption_nobody_works_on_and_the_rest_can_be_done(tmp_path, ending):
    script, store = tmp_path / "script.py", tmp_path / "store"
    script.write_text(INTERRUPTED)
    mark = f"test_fill_{os.getpid()}_{ending}"
    environ = {**os.environ, "MARK": mark}
    environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        [sys.executable, str(script), str(store)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ,
        start_new_session=True,
    )  # fmt: skip
    checkpoint = store / run(stand_in.HANGS).name / "training.checkpoint"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    # as a terminal does: everybody in the group hears of Ctrl-C
    (os.killpg if ending == signal.SIGINT else os.kill)(process.pid, ending)
    out, err = process.communicate(timeout=60)
    if ending == signal.SIGINT:
        assert (out, err) == ("interrupted\n", "")
    deadline = time.monotonic() + 5
    while processes_naming(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_naming(mark) == []
    results = filled(store, run(0), run(stand_in.HANGS))
    assert [r.status for r in results] == ["kept", "done"]
    assert results[1].record["training"]["resumed"] == 1
    assert not checkpoint.exists()


def test_time_left_is_learnt_from_the_runs_before():
    now = [0.0]
    dear, cheap = [run(s, algorithm="recurrent-ppo") for s in (0, 1)], [run(s) for s in (0, 1)]
    left = Remaining([*dear, *cheap], workers=2, clock=lambda: now[0])
    assert left.seconds() is None
    left.progress(dear[0], 0.0)
    now[0] = 10.0
    left.progress(dear[0], 0.5)
    # 20 s each: half of the first, and three more, by two workers
    assert left.seconds() == pytest.approx((10 + 3 * 20) / 2)
    now[0] = 30.0
    left.ended(dear[0])
    left.known(run(9, environment="Carousel/Taste-v0"), 4.0)
    assert left.seconds() == pytest.approx((30 + 2 * 4) / 2)
    for other in (dear[1], *cheap):
        left.ended(other)
    assert left.seconds() == 0.0
    assert in_words(None) == "time left unknown"
    assert [in_words(s) for s in (61.0, 1000.0, 20_000.0)] == [
        "about 61 s left",
        "about 17 min left",
        "about 5.6 h left",
    ]


def test_the_time_left_of_a_large_grid_looks_at_each_run_a_few_times(monkeypatch):
    """It is asked for at every word of a worker, and must not take a worker's time."""

    asked = []
    monkeypatch.setattr(GridRun, "group", property(lambda one: asked.append(1) or one.algorithm))
    runs = [run(seed) for seed in range(200)]
    left = Remaining(runs, workers=2)
    for one in runs[:100]:
        left.ended(one)
        left.known(one, 1.0)
    asked.clear()
    assert left.seconds() == pytest.approx(50.0)
    assert len(asked) <= 2 * len(runs)
