"""Without extras: what works, and what is missing in a sentence."""

import re
import subprocess
import sys
from importlib.metadata import metadata

import pytest

from support.matrix import most_later

BLOCKED = """
import sys
BLOCKED = {blocked!r}
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
"""
EXTRA = {
    *("stable_baselines3", "sb3_contrib", "torch", "optuna", "sqlalchemy", "tensorboard"),
    *("safetensors", "typer", "rich", "polars", "plotly", "jinja2", "click"),
}


def without_extras(program: str, blocked=EXTRA) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED.format(blocked=blocked) + program],
        capture_output=True,
        text=True,
        check=False,
    )


def test_routers_are_evaluated_without_extras():
    done = without_extras(
        "from carousel_agents import scripted\n"
        "from carousel_agents.generalisation import beside, distance, evaluate\n"
        "from carousel_agents.generalisation.changed_population import population_of\n"
        "from carousel_agents.router import find_router\n"
        "users = population_of('Boredom', ['session_length=4'], ['hazard=1'])\n"
        "router = find_router('uniform', users)\n"
        "print(evaluate(router, users, users=20).engagement_se > 0)\n"
        "import carousel_agents.generalisation as it\n"
        "try:\n    it.generalise\nexcept ImportError as error:\n    print(error)\n"
    )
    said = (
        "True\na study of shifts needs polars, which is not installed: pip install "
        "'persona-carousel[agents]' brings it\n"
    )
    assert (done.stdout, done.stderr) == (said, "")


@pytest.mark.parametrize(
    ("module", "missing", "what"),
    most_later(
        [
            ("carousel_agents.learning", "safetensors", "carousel_agents.learning"),
            ("carousel_agents.learning.train", "safetensors", "carousel_agents.learning"),
            ("carousel_agents.report", "jinja2", "carousel_agents.report"),
            ("carousel_agents.system.console", "rich", "what is shown on a terminal"),
            ("carousel_agents.study.shift_study", "polars", "a study of shifts"),
        ],
        lambda module, *_: module.endswith(("train", "console")),
    ),
)
def test_what_needs_an_extra_names_it(module, missing, what):
    done = without_extras(f"import {module}\n")
    assert done.stderr.splitlines()[-1] == (
        f"carousel_agents.system.extras.MissingExtraError: {what} needs {missing}, which is not "
        "installed: pip install 'persona-carousel[agents]' brings it"
    )


@pytest.mark.sampled(2)
@pytest.mark.parametrize("missing", ["typer", "torch"])
def test_the_command_line_names_it_in_one_sentence(missing, tmp_path):
    arguments = {"typer": ["--help"], "torch": ["train", "Boredom", "--out", "x.safetensors"]}
    done = without_extras(
        f"sys.argv = {['carousel', *arguments[missing]]!r}\n"
        "import runpy\nrunpy.run_module('carousel_agents', run_name='__main__')\n",
        {missing},
    )
    said = (
        f"carousel: the command line needs {missing}, which is not installed: pip install "
        "'persona-carousel[agents]' brings it\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_a_packages_page_has_no_links_that_lead_nowhere():
    page = metadata("persona-carousel").get_payload()
    assert "# Carousel" in page
    assert "The study has " in page  # the words of a link stay
    links = re.findall(r"\]\(([^)]*)\)", page)
    assert [link for link in links if not link.startswith("https://")] == []
    assert "![" not in page
