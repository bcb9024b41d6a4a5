"""The command `probe`: what it prints, what it keeps, and how it goes on."""

from __future__ import annotations

import json

import pytest

from carousel_agents.commands import probing
from carousel_agents.probes import PROBES, probe
from carousel_envs import CarouselError
from support.policy_files import make_file


def asked(*names: str, **options) -> None:
    given = {"only": ["drive", "psychometric"], "sessions": 60, "workers": 1, **options}
    probing.probe_routers(names=list(names), **given)


def test_findings_are_those_of_the_probes(capsys):
    asked("loop:0.5", "uniform", "Boredom", as_json=True)
    document = json.loads(capsys.readouterr().out)
    told = [(one["router"], one["probe"], one["verdict"]) for one in document["findings"]]
    assert [one[:2] for one in told] == [
        *(("loop:0.5", "drive"), ("loop:0.5", "psychometric")),
        *(("uniform", "drive"), ("uniform", "psychometric")),
    ]
    found = probe("drive", "loop:0.5", "Boredom", sessions=60)
    assert document["findings"][0]["estimates"]["drive"]["value"] == pytest.approx(
        found.estimates["drive"].value
    )
    assert document["findings"][0]["rows"][0]["session"] == "own"


def test_two_processes_find_and_keep_what_one_does(tmp_path, capsys):
    documents = []
    for workers in (1, 2):
        asked("loop:0.5", "uniform", "Boredom", out=tmp_path / f"{workers}", workers=workers)
        documents.append((tmp_path / f"{workers}" / "findings.json").read_bytes())
    assert documents[0] == documents[1]
    capsys.readouterr()


def test_a_number_of_workers_that_is_none_is_refused_before_anything_is_asked(tmp_path):
    with pytest.raises(CarouselError, match="workers is 0; it must be a whole number from 1 to"):
        asked("uniform", "Boredom", out=tmp_path / "findings", workers=0)
    assert not list(tmp_path.iterdir())


def test_words_are_for_people(capsys):
    asked("uniform", "Boredom")
    out = capsys.readouterr().out
    assert "uniform on Carousel/Boredom-v0" in out
    assert "no drive" in out
    assert "cannot say" in out


def test_what_is_kept_is_not_asked_again(tmp_path, monkeypatch, capsys):
    path = tmp_path / "findings" / "findings.json"
    asked("uniform", "Boredom", only=["drive"], out=path.parent)
    first = json.loads(path.read_text())
    assert [one["probe"] for one in first["findings"]] == ["drive"]
    calls = []

    def counted(name, *arguments, **options):
        calls.append(name)
        return probe(name, *arguments, **options)

    monkeypatch.setattr(probing, "probe", counted)
    asked("uniform", "Boredom", out=path.parent)
    assert calls == ["psychometric"]
    asked("uniform", "Boredom", out=path.parent)
    assert calls == ["psychometric"]
    assert len(json.loads(path.read_text())["findings"]) == 2
    capsys.readouterr()


def test_a_kill_loses_nothing_that_was_found(tmp_path, monkeypatch):
    path = tmp_path / "findings" / "findings.json"

    def killed(name, *arguments, **options):
        if name == "psychometric":
            raise KeyboardInterrupt
        return probe(name, *arguments, **options)

    monkeypatch.setattr(probing, "probe", killed)
    with pytest.raises(KeyboardInterrupt):
        asked("uniform", "Boredom", out=path.parent)
    assert [one["probe"] for one in json.loads(path.read_text())["findings"]] == ["drive"]


def test_findings_of_another_request_are_refused_and_kept(tmp_path, capsys):
    path = tmp_path / "findings" / "findings.json"
    asked("uniform", "Boredom", only=["drive"], out=path.parent)
    before = path.read_bytes()
    with pytest.raises(CarouselError, match="holds findings whose sessions is 60, and 61 is asked"):
        asked("uniform", "Boredom", only=["drive"], out=path.parent, sessions=61)
    with pytest.raises(CarouselError, match="holds findings whose env is"):
        asked("uniform", "Taste", only=["psychometric"], out=path.parent)
    assert path.read_bytes() == before
    asked("uniform", "Boredom", only=["drive"], out=path.parent, sessions=61, force=True)
    assert json.loads(path.read_text())["sessions"] == 61
    capsys.readouterr()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"findings": 3}', '{"findings": [{"probe": 1}]}'])
def test_what_is_no_file_of_findings_is_refused(tmp_path, text):
    path = tmp_path / "findings" / "findings.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(CarouselError, match=r"holds no findings of this command; --force replaces"):
        asked("uniform", "Boredom", only=["drive"], out=path.parent)
    assert path.read_text() == text


def test_a_folder_stands_for_the_policies_in_it(tmp_path, capsys):
    for seed in (3, 4):
        path = tmp_path / f"seed-{seed}" / "policy.safetensors"
        path.parent.mkdir()
        make_file(training={"steps": 10, "seed": seed}).save(path)
    asked(str(tmp_path), "Boredom", only=["drive"], as_json=True)
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [one["training_seed"] for one in findings] == [3, 4]
    assert all(len(one["sha256"]) == 64 for one in findings)


def test_findings_of_other_code_are_refused(tmp_path, monkeypatch, capsys):
    asked("uniform", "Boredom", only=["drive"], out=tmp_path)
    monkeypatch.setattr(probing, "digest", lambda files: "another")
    with pytest.raises(CarouselError, match=r"holds findings whose probes is .*'another' is asked"):
        asked("uniform", "Boredom", only=["drive"], out=tmp_path)
    capsys.readouterr()


def test_probes_are_named_one_by_one_or_with_commas(capsys):
    asked("uniform", "Boredom", only=["psychometric,drive", "drive"], as_json=True)
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [one["probe"] for one in findings] == ["psychometric", "drive"]
    with pytest.raises(CarouselError, match="probe 'drivel' is unknown"):
        asked("uniform", "Boredom", only=["drive,drivel"])


def test_a_page_shows_what_was_asked_for(tmp_path, capsys):
    for seed in (3, 4):
        path = tmp_path / "policies" / f"seed-{seed}" / "policy.safetensors"
        path.parent.mkdir(parents=True)
        make_file(training={"steps": 10, "seed": seed}).save(path)
    routers = (str(tmp_path / "policies"), "uniform", "Boredom")
    asked(*routers, only=["drive,psychometric"], out=tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count("<h3 ") == 6
    # two policies of one router are summed up, the third is alone
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert [one["policies"] for one in summary["summaries"]] == [2, 2, 1, 1]
    assert "Policy by policy" in page
    assert "seed 3</h2>" in page
    assert "seed 4</h2>" in page
    # what it shows, what it does not, and why there is no verdict
    shown = PROBES["drive"].shows, PROBES["psychometric"].limits.split("'")[0], "cannot say"
    assert all(words in page for words in shown)
    assert f"{tmp_path / 'policies'} uniform Boredom --only drive,psychometric" in page
    asked(*routers, only=["drive,psychometric"], out=tmp_path)
    assert (tmp_path / "report.html").read_text() == page
    # less is shown where less is asked for, and nothing is lost
    asked("uniform", "Boredom", only=["drive"], out=tmp_path)
    assert (tmp_path / "report.html").read_text().count("<h3 ") == 1
    assert len(json.loads((tmp_path / "findings.json").read_text())["findings"]) == 6
    capsys.readouterr()


def test_a_policy_that_was_trained_again_is_no_second_seed(tmp_path, capsys):
    path = tmp_path / "policies" / "policy.safetensors"
    path.parent.mkdir()
    for steps in (10, 20):
        make_file(training={"steps": steps, "seed": 3}).save(path)
        asked(str(path), "Boredom", only=["drive"], out=tmp_path / "found")
    summary = json.loads((tmp_path / "found" / "summary.json").read_text())
    assert [one["policies"] for one in summary["summaries"]] == [1]
    capsys.readouterr()


def test_a_file_in_the_way_of_the_folder_is_refused(tmp_path):
    path = tmp_path / "findings.json"
    path.write_text("mine")
    with pytest.raises(CarouselError, match="is not a folder"):
        asked("uniform", "Boredom", only=["drive"], out=path)
    assert path.read_text() == "mine"


def test_policies_of_one_name_and_other_training_are_not_one_router(tmp_path):
    for steps in (10, 20):
        path = tmp_path / f"{steps}" / "policy.safetensors"
        path.parent.mkdir(parents=True)
        make_file(training={"steps": steps, "seed": steps}).save(path)
    with pytest.raises(CarouselError, match="but differ in"):
        asked(str(tmp_path), "Boredom", only=["drive"])
