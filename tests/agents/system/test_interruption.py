"""Ctrl-C ends every command with exit code 130 and one sentence, whatever was going on."""

import ctypes
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from carousel_agents import cli
from carousel_agents.system import interruption, workers
from carousel_agents.system.interruption import Interrupted


@pytest.fixture(autouse=True)
def _ctrl_c():
    # what a shell starts in the background ignores it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    interruption.restore()


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def ended(monkeypatch, capsys, run) -> tuple[int, str]:
    """Exit code and standard error of a command that does this."""
    from carousel_agents.commands import app

    monkeypatch.setattr(app, "run", run)
    with pytest.raises(SystemExit) as found:
        cli.main()
    return found.value.code, capsys.readouterr().err


NOTHING = (130, "carousel: interrupted; nothing more was written\n")


def test_it_is_one_sentence(monkeypatch, capsys):
    assert ended(monkeypatch, capsys, ctrl_c) == NOTHING


def test_an_error_of_what_swallowed_it_is_an_interruption(monkeypatch, capsys):
    def run():
        # as code does that looks for a result after a callback that dropped the exception
        try:
            ctrl_c()
        except Interrupted as error:
            raise SystemError("returned a result with an exception set") from error

    assert ended(monkeypatch, capsys, run) == NOTHING


def test_an_error_without_ctrl_c_is_itself(monkeypatch, capsys):
    def run():
        raise SystemError("of another make")

    monkeypatch.setattr("carousel_agents.commands.app.run", run)
    with pytest.raises(SystemError, match="of another make"):
        cli.main()


def test_a_callback_that_drops_it_is_not_the_end_of_it(monkeypatch, capsys):
    def run():
        ctypes.CFUNCTYPE(None)(ctrl_c)()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            time.sleep(0.01)
        return "", 0

    started = time.monotonic()
    assert ended(monkeypatch, capsys, run) == NOTHING
    assert time.monotonic() - started < 10


def test_what_cleans_up_is_left_in_peace(monkeypatch, capsys):
    cleaned = []

    def run():
        try:
            ctrl_c()
        finally:
            ctrl_c()
            time.sleep(3 * interruption.AGAIN)
            cleaned.append(True)

    assert ended(monkeypatch, capsys, run) == NOTHING
    assert cleaned == [True]


def test_a_command_says_what_it_means_there(monkeypatch, capsys):
    def run():
        with interruption.explained(lambda: "interrupted; the same command goes on from here"):
            try:
                ctrl_c()
            except Interrupted as error:
                raise RuntimeError from error

    code, said = ended(monkeypatch, capsys, run)
    assert (code, said) == (130, "carousel: interrupted; the same command goes on from here\n")


def test_an_interruption_is_noticed_after_processes_were_started(monkeypatch, capsys):
    reached = []

    def run():
        with workers.as_workers_start():
            ctrl_c()
            time.sleep(0.3)  # longer than it takes to be raised again
            reached.append("the end of the block")
        # put off, not lost
        time.sleep(20)
        return "", 0

    assert ended(monkeypatch, capsys, run) == NOTHING
    assert reached


def test_an_interruption_is_deferred_where_it_cannot_be_handled():
    reached = []

    def run():
        with workers.as_workers_start():
            # the mask does not reach threads that were there before
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            ctrl_c()
            reached.append("the end of the block")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert reached


def start_and_interrupt(inherited: list[object]) -> None:
    try:
        with workers.as_workers_start():
            # for this thread, which has it blocked
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    finally:
        blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        inherited += [os.environ.get("OMP_NUM_THREADS"), blocked]


def test_what_workers_inherit_is_taken_back_before_it_is_raised(monkeypatch, capsys):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    inherited: list[object] = []
    assert ended(monkeypatch, capsys, lambda: start_and_interrupt(inherited)) == NOTHING
    assert inherited == [None, False]


def test_so_it_is_where_nobody_listens(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    inherited: list[object] = []
    with pytest.raises(KeyboardInterrupt):
        start_and_interrupt(inherited)
    assert inherited == [None, False]


@pytest.mark.parametrize("interrupted", [False, True])
def test_afterwards_signals_are_handled_as_before(interrupted, monkeypatch, capsys):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)
    threads = threading.active_count()
    before = signal.set_wakeup_fd(writer)
    try:
        code, _ = ended(monkeypatch, capsys, ctrl_c if interrupted else lambda: ("", 0))
    finally:
        wakeup = signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)
    assert code == (130 if interrupted else 0)
    assert wakeup == writer
    assert handlers == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM))
    assert threading.active_count() == threads
    # and the next error is not taken for an interruption
    with pytest.raises(ValueError, match="its own"), interruption.explained(lambda: "wrong"):
        raise ValueError("its own")


def test_what_is_on_its_way_behind_another_cause_is_not_raised_again(monkeypatch, capsys):
    cleaned = []

    def run():
        try:
            ctrl_c()
        except Interrupted:
            try:
                raise ValueError("of the cleanup") from KeyError("another cause")
            finally:
                time.sleep(0.3)
                cleaned.append("to its end")
        return "", 0

    assert ended(monkeypatch, capsys, run) == NOTHING
    assert cleaned


def test_off_the_main_thread_nothing_changes():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM), sys.unraisablehook
    thread = threading.Thread(target=interruption.listen)
    thread.start()
    thread.join()
    assert before == (
        signal.getsignal(signal.SIGINT),
        signal.getsignal(signal.SIGALRM),
        sys.unraisablehook,
    )


def test_the_main_thread_is_woken_whichever_thread_the_signal_went_to(monkeypatch, capsys):
    def run():
        asleep, other = threading.Event(), threading.Event()
        thread = threading.Thread(target=other.wait, daemon=True)
        thread.start()
        threading.Timer(0.1, signal.pthread_kill, (thread.ident, signal.SIGINT)).start()
        asleep.wait(20)
        return "", 0

    started = time.monotonic()
    assert ended(monkeypatch, capsys, run) == NOTHING
    assert time.monotonic() - started < 10


COMMANDS = {
    "train": ("train", "Boredom", "--steps", "3000000", "--out", "p.safetensors"),
    "evaluate": ("evaluate", "uniform", "Boredom", "--users", "3000000"),
    "generalise": ("generalise", "loop", "uniform", "Boredom", "--users", "300000", "--out", "s"),
    "grid": ("grid", "grid.toml", "--out", "g"),
    "tune": ("tune", "Boredom", "--trials", "4", "--steps", "300000", "--out", "t.toml"),
}
GRID = """
[[row]]
environments = ["Boredom"]
algorithms = ["ppo", "dqn"]
seeds = 2
steps = 200000
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("repeat", range(4))
def test_a_command_ends_with_130_at_any_moment(command, repeat, tmp_path):
    (tmp_path / "grid.toml").write_text(GRID)
    process = subprocess.Popen(
        [sys.executable, "-m", "carousel_agents", *COMMANDS[command]],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    # not before the interpreter itself is there: until then Ctrl-C is Python's
    time.sleep(random.Random(f"{command}{repeat}").uniform(0.5, 8.0))
    if process.poll() is not None:
        process.communicate()
        pytest.skip("it was done before")
    # as a terminal does, to all processes of the command; or to it alone
    (os.killpg if repeat % 2 else os.kill)(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.splitlines()[-1].startswith("carousel: interrupted")
    assert "Traceback" not in said
