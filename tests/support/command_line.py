"""The command line, run in this process."""

import json
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from carousel_agents import cli


def carousel(*arguments: str, cwd=None) -> subprocess.CompletedProcess[str]:
    """The same in this process, which need not import everything anew."""
    out, err = StringIO(), StringIO()
    handler = signal.getsignal(signal.SIGINT)
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["carousel", *arguments])
        if cwd is not None:
            patch.chdir(cwd)
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        finally:
            signal.signal(signal.SIGINT, handler)
    return subprocess.CompletedProcess(arguments, code or 0, out.getvalue(), err.getvalue())


def result(*arguments: str, cwd=None):
    done = carousel(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
