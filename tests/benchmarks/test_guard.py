"""The guard fails where stepping lost more than the margin, and says by how much."""

import json
from pathlib import Path

import pytest

import common
import guard


@pytest.fixture
def baseline(tmp_path, monkeypatch):
    path = tmp_path / "guard.json"
    monkeypatch.setattr(guard, "BASELINE", path)
    monkeypatch.setattr(guard, "ENVIRONMENTS", ("Boredom", "Recall"))
    return path


def planted(**ratios):
    return lambda name, blocks: ratios[name]


def write(baseline, **ratios):
    assert guard.main(["--write"], planted(**ratios)) == 0
    assert json.loads(baseline.read_text())["ratios"] == ratios


def test_what_stayed_within_the_margin_passes(baseline, capsys):
    write(baseline, Boredom=0.2, Recall=0.1)
    small_loss = 1 - guard.MARGIN + 0.01
    assert guard.main([], planted(Boredom=0.2 * small_loss, Recall=0.1)) == 0
    assert capsys.readouterr().out.count("held") == 2


def test_what_dropped_below_the_margin_fails_by_name_and_size(baseline, capsys):
    write(baseline, Boredom=0.2, Recall=0.1)
    assert guard.main([], planted(Boredom=0.08, Recall=0.1)) == 1
    told = capsys.readouterr()
    (line,) = [line for line in told.out.splitlines() if "Boredom" in line]
    assert "lost 60%" in line
    assert "lost speed" in told.err


def test_a_loss_that_is_not_there_again_is_none(baseline, capsys):
    write(baseline, Boredom=0.2, Recall=0.1)
    measured = {"Boredom": [0.05, 0.06, 0.2], "Recall": [0.1]}
    assert guard.main([], lambda name, blocks: measured[name].pop(0)) == 0
    assert measured == {"Boredom": [], "Recall": []}


def test_the_baseline_is_the_median_of_three(baseline):
    measured = {"Boredom": [0.3, 0.1, 0.2], "Recall": [0.1, 0.1, 0.5]}
    guard.main(["--write"], lambda name, blocks: measured[name].pop(0))
    assert json.loads(baseline.read_text())["ratios"] == {"Boredom": 0.2, "Recall": 0.1}


def test_what_became_faster_passes_and_is_said(baseline, capsys):
    write(baseline, Boredom=0.2, Recall=0.1)
    assert guard.main([], planted(Boredom=0.4, Recall=0.1)) == 0
    assert "100% faster: renew the baseline" in capsys.readouterr().out


def test_an_environment_that_is_new_must_enter_the_baseline(baseline, monkeypatch, capsys):
    write(baseline, Boredom=0.2, Recall=0.1)
    monkeypatch.setattr(guard, "ENVIRONMENTS", ("Boredom", "Novel"))
    assert guard.main([], planted(Boredom=0.2, Novel=0.1)) == 1
    assert "not in the baseline" in capsys.readouterr().out


def test_a_baseline_of_another_processor_fails_nothing_and_is_said(baseline, capsys):
    write(baseline, Boredom=0.2, Recall=0.1)
    content = json.loads(baseline.read_text())
    baseline.write_text(json.dumps({**content, "processor": "an abacus"}))
    assert guard.main([], planted(Boredom=0.01, Recall=0.1)) == 0
    assert "another processor, an abacus: no failure" in capsys.readouterr().err
    baseline.write_text(json.dumps(content))
    assert guard.main([], planted(Boredom=0.01, Recall=0.1)) == 1


@pytest.mark.parametrize("content", [None, "", "[]", '{"ratios": {"Boredom": "much"}}'])
def test_a_baseline_that_cannot_be_read_is_one_sentence(baseline, capsys, content):
    if content is not None:
        baseline.write_text(content)
    with pytest.raises(SystemExit) as ended:
        guard.main([], planted())
    assert ended.value.code == 2
    assert "--write" in capsys.readouterr().err.splitlines()[-1]


def test_the_committed_baseline_knows_every_environment():
    assert tuple(guard.baseline(guard.BASELINE)["ratios"]) == guard.ENVIRONMENTS


def test_a_ratio_is_measured():
    assert 0.0 < guard.measure("Recall", 2) < 10.0


def test_two_generations_of_one_name_are_two_processors(monkeypatch):
    first = "processor: 0\nmodel name\t: Make\ncpu family\t: 25\nmodel\t\t: {}\n"
    text = f"{first}\nmodel name\t: Make\nmodel\t\t: 9\n"
    names = []
    for model in (1, 17):
        monkeypatch.setattr(Path, "read_text", lambda *_, n=model, **__: text.format(n))
        names.append(common.processor())
    assert names == ["Make, cpu family 25, model 1", "Make, cpu family 25, model 17"]
