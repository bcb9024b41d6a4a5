"""Exports that are imported when they are first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from carousel_agents.system.lazily import exported

PACKAGE = "carousel_agents.system"


def test_a_name_is_found_in_its_module_under_its_own_name_or_another():
    find = exported(PACKAGE, "this", {"exported": ".lazily", "lazy": ".lazily:exported"})
    assert find("exported") is exported
    assert find("lazy") is exported
    with pytest.raises(AttributeError, match=f"module '{PACKAGE}' has no attribute 'other'"):
        find("other")


def test_a_module_that_is_not_there_is_no_missing_extra():
    find = exported(PACKAGE, "this", {"x": ".nowhere"})
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        find("x")


def test_every_export_of_both_packages_is_there():
    import carousel_agents
    from carousel_agents import generalisation

    for package in (carousel_agents, generalisation):
        assert all(hasattr(package, name) for name in package.__all__)
    assert carousel_agents.generalise is generalisation.generalise


@pytest.mark.parametrize(
    ("imported", "spared"),
    [
        # until the command line listens, Ctrl-C would end in a traceback
        ("carousel_agents", ("carousel_envs", "numba", "numpy")),
        ("carousel_agents.commands.app", ("torch", "polars", "plotly")),
    ],
)
def test_nothing_waits_for_what_it_may_not_need(imported, spared):
    code = f"import sys, {imported}; print([name for name in {spared} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
