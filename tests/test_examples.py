"""The examples of real clients say what they need, and the page on clients says the same."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
METADATA = runpy.run_path(str(ROOT / "examples" / "requirements.py"))
PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
EXAMPLES = [
    path
    for path in sorted((ROOT / "examples" / "clients").glob("*.py"))
    if "# /// script" in path.read_text(encoding="utf-8")
]
metadata, lines = METADATA["metadata"], METADATA["lines"]


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request):
    return request.param


def test_torch_goes_first_and_is_the_version_of_the_project(example):
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert lines(example, "torch") == re.findall(r"(?m)^torch==.*$", constraints)


def test_everything_that_is_named_is_installed_once(example):
    found = metadata(example)
    parts = [line for part in ("torch", "packages", "no-deps") for line in lines(example, part)]
    alone = found.get("tool", {}).get("carousel", {}).get("no-deps", [])
    assert sorted(parts) == sorted([*found["dependencies"], *alone])
    assert any(line.startswith("persona-carousel") for line in parts)


def test_the_page_has_a_row_with_the_version_that_is_installed(example):
    (row,) = [line for line in PAGE.splitlines() if f"/examples/clients/{example.name})" in line]
    told = row.split("|")[2].strip()
    installed = [line.partition("==")[2] for line in metadata(example)["dependencies"]]
    own = metadata(example).get("tool", {}).get("carousel", {})
    installed += [line.partition("==")[2] for line in own.get("no-deps", [])]
    assert told in [*installed, own.get("commit")]


def test_the_page_names_no_example_that_is_not_there():
    for name in re.findall(r"/examples/(clients/\w+\.py)\)", PAGE):
        assert (ROOT / "examples" / name).is_file()


def test_an_example_without_a_head_is_refused(tmp_path):
    (tmp_path / "bare.py").write_text("print(1)\n")
    with pytest.raises(SystemExit, match="no block '# /// script'"):
        lines(tmp_path / "bare.py", "torch")
