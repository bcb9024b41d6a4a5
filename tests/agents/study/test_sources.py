"""What decides rows is known: all that plays is digested, and any change of it tells."""

import subprocess
import sys
from pathlib import Path

import pytest

import carousel_agents
from carousel_agents.study.source_digest import READS, deciding, digest

PACKAGE = Path(carousel_agents.__file__).parent
LOADED = """
import sys
from pathlib import Path
from carousel_agents.generalisation import shift_suite, users_seen
from carousel_agents.router import ROUTERS
len(ROUTERS)  # imports those that register themselves
for name, module in sys.modules.items():
    if name.startswith("carousel_agents"):
        print(Path(module.__file__).as_posix())
"""


def test_whatever_is_loaded_to_play_is_digested_or_only_reads_rows():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    loaded = {Path(line).relative_to(PACKAGE).as_posix() for line in done.stdout.split()}
    known = {*deciding(), *READS, "__init__.py", "learning/__init__.py", "system/__init__.py"}
    assert loaded - known == set()
    assert len(loaded) > 30


@pytest.mark.parametrize(
    "name",
    [
        *("scripted/loop.py", "learning/inference.py", "generalisation/shift_suite.py"),
        *("generalisation/users_seen.py", "wrappers/history.py"),
    ],
)
def test_a_change_of_what_decides_rows_is_another_digest(name, tmp_path):
    files = deciding()
    before = digest(files)
    assert before == digest(deciding())
    changed = tmp_path / "changed.py"
    changed.write_bytes(files[name].read_bytes() + b"#")
    assert digest(files | {name: changed}) != before


def test_what_puts_rows_together_decides_none():
    assert all((PACKAGE / name).is_file() for name in READS)
    assert not set(READS) & set(deciding())
