"""Registries and the plugins that add to them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata

import pytest

from carousel_envs import CarouselError
from carousel_envs.foundation import plugins
from carousel_envs.foundation.errors import UsageError
from carousel_envs.foundation.plugins import Registry, add_plugins, load_plugin


@dataclass(frozen=True)
class Record:
    name: str
    aliases: tuple[str, ...] = ()


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    # set, not deleted: what is set is undone afterwards, whatever `add_plugins` puts there
    monkeypatch.setenv(plugins.VARIABLE, "")
    monkeypatch.setattr(plugins, "_NAMED", set())
    known = dict(sys.modules)
    yield
    for name in sys.modules.keys() - known.keys():
        del sys.modules[name]


def registry() -> Registry[Record]:
    return Registry("thing", "things")


def test_records_are_found_by_name_in_any_case_and_in_order():
    things = registry()
    records = [things.register(Record(name)) for name in ("second", "First")]
    assert list(things) == ["second", "First"]
    assert things.find("FIRST") is records[1]
    with pytest.raises(UsageError, match=r"thing 'frist' is unknown.*did you mean"):
        things.find("frist")


def test_a_module_may_register_its_record_again_but_none_of_another():
    things = registry()
    things.register(Record("one"))
    things.register(Record("one"))
    other = {"__name__": "elsewhere", "things": things, "Record": Record}
    with pytest.raises(CarouselError, match=r"thing 'one' is registered by .*test_plugins already"):
        exec("things.register(Record('one'))", other)


@pytest.mark.parametrize(
    "record",
    [Record("two", ("one",)), Record("two", ("uno",)), Record("uno"), Record("uno", ("x",))],
)
def test_no_two_records_share_a_name_of_any_kind(record):
    things = registry()
    things.register(Record("one", ("uno",)))
    with pytest.raises(CarouselError, match=r"cannot be called '(one|uno)': so is 'one' of"):
        things.register(record)
    assert list(things) == ["one"]


def test_an_entry_point_is_imported_once_when_the_registry_is_first_read(monkeypatch, tmp_path):
    (tmp_path / "brings_a_thing.py").write_text("ASKED = []\n")
    monkeypatch.syspath_prepend(tmp_path)
    asked = []

    def entry_points(group):
        asked.append(group)
        return [metadata.EntryPoint("any", "brings_a_thing", group)]

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    things = registry()
    assert asked == []
    assert len(things) == 0
    assert len(things) == 0
    assert asked == ["carousel.things"]
    assert "brings_a_thing" in sys.modules


def test_files_and_modules_are_plugins_here_and_in_processes_started_from_here(
    monkeypatch, tmp_path
):
    (tmp_path / "of_mine.py").write_text("print('loaded')\n")
    monkeypatch.chdir(tmp_path)
    add_plugins(["of_mine.py", "json"])
    assert os.environ[plugins.VARIABLE].split(os.pathsep) == [str(tmp_path / "of_mine.py"), "json"]
    code = "from carousel_envs import environment_ids; environment_ids()"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True
    )
    assert ran.stdout.count("loaded") == 1


def test_what_a_file_defines_can_be_pickled(tmp_path):
    import pickle

    path = tmp_path / "with_a_class.py"
    path.write_text("class Mine:\n    pass\n")
    module = load_plugin(str(path))
    assert type(pickle.loads(pickle.dumps(module.Mine()))) is module.Mine
    assert load_plugin(str(path)) is module


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("nowhere.py", None, "plugin .*nowhere.py does not exist, or is no file"),
        ("broken.py", "1 / 0", "plugin .*broken.py cannot be imported: ZeroDivisionError"),
        ("typo.py", "def f(:", "plugin .*typo.py cannot be imported: SyntaxError"),
        ("json.py", "", "has the name of the module 'json', which is in use"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, text, said):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(CarouselError, match=said):
        load_plugin(str(path))
    assert name.removesuffix(".py") not in sys.modules or name == "json.py"


def test_a_module_that_is_not_there_is_said():
    with pytest.raises(UsageError, match=r"plugin 'no_such.module' is not found; it must be"):
        load_plugin("no_such.module")


def test_a_broken_plugin_is_an_error_each_time_until_it_is_mended(monkeypatch, tmp_path):
    path = tmp_path / "half_written.py"
    path.write_text("1 / 0\n")
    monkeypatch.setenv(plugins.VARIABLE, str(path))
    things = registry()
    for _ in range(2):
        with pytest.raises(CarouselError, match=r"half_written.py cannot be imported"):
            list(things)
    path.write_text("MENDED = True\n")
    assert list(things) == []
    assert sys.modules["half_written"].MENDED


def test_a_broken_entry_point_is_an_error_each_time(monkeypatch):
    entry = metadata.EntryPoint("any", "no_such_module_at_all", "carousel.things")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry])
    things = registry()
    for _ in range(2):
        with pytest.raises(CarouselError, match=r"plugin no_such_module_at_all cannot be"):
            len(things)


def test_a_plugin_may_read_a_registry_while_it_is_loaded(monkeypatch, tmp_path):
    path = tmp_path / "reads_names.py"
    path.write_text("from carousel_envs import environment_ids\nKNOWN = environment_ids()\n")
    monkeypatch.setenv(plugins.VARIABLE, str(path))
    assert list(registry()) == []
    assert sys.modules["reads_names"].KNOWN


def test_two_environments_of_one_name_are_refused(tmp_path):
    path = tmp_path / "takes_a_name.py"
    path.write_text(
        "from carousel_envs import EnvironmentSpec, register_environment\n"
        "from carousel_envs.spec import models\n"
        "register_environment(\n"
        "    EnvironmentSpec(name='Boredom', namespace='Mine', model=models()['users'])\n"
        ")\n"
    )
    with pytest.raises(CarouselError, match=r"environment 'Boredom' is registered by .*boredom"):
        load_plugin(str(path))
    from carousel_envs import any_population, environment_ids

    assert "Carousel/Boredom-v0" in environment_ids()
    assert any_population("Boredom").n_actions == 4


def test_a_broken_plugin_in_the_surroundings_is_one_sentence(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "carousel_agents", "envs"],
        env={**os.environ, "CAROUSEL_PLUGINS": "nope.py"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr.splitlines() == ["carousel: plugin nope.py does not exist, or is no file"]
