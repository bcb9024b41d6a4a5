"""The folder of a study: what is damaged is not taken for results, what cannot be written is told
before any work, and no page is left beside rows of another study."""

import hashlib
import json
from dataclasses import replace
from functools import partial

import polars as pl
import pytest

from carousel_agents import report
from carousel_agents.commands.app import app
from carousel_agents.generalisation import shift_suite
from carousel_agents.generalisation.shift_suite import Plan, ShiftStudy, play
from carousel_agents.generalisation.taking_part import learned_and_scripted
from carousel_agents.study import requests, users_study
from carousel_agents.study.folder import StudyFolder
from carousel_agents.study.shift_study import command_of, run_shift_study
from carousel_agents.study.summary_file import FORMAT
from carousel_agents.study.users_study import UsersStudy, run_users_study
from carousel_envs import CarouselError, Population
from support.policy_files import make_file
from support.results_rows import frame, row

SHORT = Population.preset("Boredom").replace(session_length=8)
ASKED = ShiftStudy(
    ("uniform",),
    SHORT,
    "Carousel/Boredom-v0",
    users=3,
    axes=("swap-cost",),
    severities=(1.0,),
    changes=("session_length=8",),
)
RANGES = SHORT.replace(n_users=4, boredom_hazard=(0.02, 0.16))


class Played(BaseException):
    """Something was played."""


@pytest.fixture
def nothing_is_played(monkeypatch):
    def play(*args, **options):
        raise Played

    monkeypatch.setattr(shift_suite, "play", play)
    monkeypatch.setattr(users_study, "meet", play)


# -- parts ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def target():
    (only,) = Plan.of(SHORT, ["swap-cost"], [1.0]).targets
    return only


@pytest.fixture(scope="module")
def played(target):
    return play(target, learned_and_scripted(["uniform"], SHORT), SHORT, users=3)


def conditions(target):
    return {(target.population.fingerprint, target.severity, axis.name) for axis in target.axes}


def test_a_part_is_read_as_it_was_written(tmp_path, target, played):
    folder = StudyFolder(tmp_path)
    assert folder.part(target.name, conditions(target)) is None
    folder.keep(target.name, played)
    assert folder.part(target.name, conditions(target)) == played


@pytest.mark.parametrize(
    "damage",
    [
        {"rows": []},
        {"rows": {}},
        {"left_out": []},
        {"left_out": {"loop": 3}},
        {"row": {"engagement": "many"}},
        {"row": {"users": 1.5}},
        {"row": {"environment": 7}},
        {"row": {"seed": 2**70}},
        {"row": {"target": SHORT.fingerprint}},
        {"row": {"severity": 0.5}},
        {"row": {"axis": "hazard"}},
        {"row": {"another": 1}},
    ],
)
def test_a_part_of_other_rows_or_types_is_not_taken_for_finished(tmp_path, target, played, damage):
    folder = StudyFolder(tmp_path)
    folder.keep(target.name, played)
    (file,) = (tmp_path / "parts").iterdir()
    document = json.loads(file.read_text())
    changed = damage.get("row")
    document |= {"rows": [document["rows"][0] | changed]} if changed else damage
    file.write_text(json.dumps(document))
    assert folder.part(target.name, conditions(target)) is None
    file.write_text('{"rows": [')
    assert folder.part(target.name, conditions(target)) is None


# -- summaries ------------------------------------------------------------------------------------

SUMMARY = {
    "format": FORMAT,
    "environment": "Carousel/Boredom-v0",
    "request": {"users": 3},
    "results_sha256": "00",
    "severities": [0.0, 1.0],
    "axes": [{"name": "hazard"}],
    "left_out": [],
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": 1}, "no summary in the format of this version"),
        ({"request": {}}, "request is {}; it must be an object with something in it"),
        ({"request": None}, "request is missing"),
        ({"axes": None}, "axes is missing; it must be a list with something in it"),
        ({"axes": []}, r"axes is \[\]"),
        ({"axes": [{"kind": "mechanism"}]}, "axes holds .* must be an object with name"),
        ({"left_out": ["loop"]}, "left_out holds 'loop'; .* with router and reason"),
        ({"left_out": None}, "left_out is missing; it must be a list"),
        ({"severities": ["far"]}, "a severity in .* is 'far'"),
        ({"environment": 3}, "environment is 3; it must be text"),
        ({"results_sha256": None}, "results_sha256 is missing"),
    ],
)
def test_a_summary_that_lacks_what_is_read_is_one_sentence(tmp_path, changes, sentence):
    folder = StudyFolder(tmp_path)
    document = {key: value for key, value in (SUMMARY | changes).items() if value is not None}
    folder.summary_file.write_text(json.dumps(document))
    with pytest.raises(CarouselError, match=sentence) as told:
        folder.summary()
    assert "\n" not in str(told.value)
    folder.summary_file.write_text(json.dumps(SUMMARY))
    assert folder.summary() == SUMMARY


# -- rows ------------------------------------------------------------------------------------------


def void(name):
    return lambda rows: rows.with_columns(pl.lit(None, rows.schema[name]).alias(name))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (void("router"), "a row without router; every row must have one"),
        (void("severity"), "a row without severity"),
        (void("target"), "a row without target"),
        (lambda rows: rows.drop("score"), "column 'score' is missing"),
        (lambda rows: rows.with_columns(pl.col("users").cast(pl.String)), "'users' is String"),
        (lambda rows: rows.with_columns(more=1), "column 'more' is not in it"),
        (lambda rows: rows.head(0), "holds no rows"),
        (lambda rows: b"", "is damaged or not Parquet"),
        (lambda rows: b"PAR1 and no more PAR1", "is damaged or not Parquet"),
    ],
)
def test_rows_that_are_no_results_are_one_sentence_even_if_their_digest_fits(
    tmp_path, change, sentence
):
    folder, request = StudyFolder(tmp_path), {"users": 3}
    changed = change(frame(row()))
    if isinstance(changed, bytes):
        folder.results.write_bytes(changed)
    else:
        changed.write_parquet(folder.results)
    digest = hashlib.sha256(folder.results.read_bytes()).hexdigest()
    folder.summary_file.write_text(json.dumps(SUMMARY | {"results_sha256": digest}))
    with pytest.raises(CarouselError, match=sentence) as told:
        folder.state(request)
    assert "\n" not in str(told.value)
    # and may be replaced
    assert folder.standing(request, force=True) == ("other", {})


def test_a_beginning_that_asks_for_nothing_is_nobodys(tmp_path):
    folder = StudyFolder(tmp_path)
    folder.parts.mkdir()
    folder.request_file.write_text("{}")
    assert folder.state({"users": 3}) == ("new", {})
    folder.begin({"users": 3})
    assert folder.state({"users": 3}) == ("started", {"users": 3})


def test_results_of_other_source_are_those_of_another_study(tmp_path, monkeypatch):
    run_shift_study(ASKED, tmp_path, workers=1)
    assert run_shift_study(ASKED, tmp_path, workers=1).kept
    monkeypatch.setattr(requests, "sources", lambda: "another")
    with pytest.raises(CarouselError, match=r"sources is '.*' there, 'another' was asked for"):
        run_shift_study(ASKED, tmp_path, workers=1)


def test_an_interrupted_study_of_users_goes_on_and_ends_in_the_same_bytes(tmp_path, monkeypatch):
    files = []
    for n_users in (4, 5):
        files.append(str(tmp_path / f"{n_users}.safetensors"))
        make_file(RANGES.replace(n_users=n_users), training={"seed": 0}).save(files[-1])
    study = UsersStudy(ASKED.environment, RANGES, tuple(files), table=3, users=3)
    whole = run_users_study(study, tmp_path / "whole")
    real, met = users_study.meet, []

    def meet(players, sample, **options):
        met.append(sample)
        if len(met) == 2:
            raise Played
        return real(players, sample, **options)

    monkeypatch.setattr(users_study, "meet", meet)
    with pytest.raises(Played):
        run_users_study(study, tmp_path / "out")
    assert len(list((tmp_path / "out" / "parts").glob("*.rows.json"))) == 1
    assert run_users_study(study, tmp_path / "out").rows.equals(whole.rows)
    assert len(met) == 3, "the first was not met again"
    kept = [(tmp_path / name / "results.parquet").read_bytes() for name in ("whole", "out")]
    assert kept[0] == kept[1]
    assert not (tmp_path / "out" / "parts").exists()


# -- places ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_is_played")
@pytest.mark.parametrize("kind", ["shifts", "users"])
@pytest.mark.parametrize(
    "place",
    ["results.parquet/", "summary.json/", "report.html/", "parts/request.json/"],
)
def test_a_place_that_cannot_be_written_is_told_before_any_work(tmp_path, place, kind):
    out = tmp_path / "out"
    (out / place).mkdir(parents=True)
    policy = tmp_path / "policy.safetensors"
    make_file(RANGES).save(policy)
    users = UsersStudy(ASKED.environment, RANGES, (str(policy),), table=3, users=3)
    run = partial(run_shift_study, ASKED) if kind == "shifts" else partial(run_users_study, users)
    before = sorted(tmp_path.rglob("*"))
    for force in (False, True):
        with pytest.raises(CarouselError, match=f"{place.strip('/')} cannot be written"):
            run(out, force=force)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("nothing_is_played")
def test_a_file_where_parts_should_lie_is_told_before_any_work(tmp_path):
    (tmp_path / "parts").write_text("mine")
    for force in (False, True):
        with pytest.raises(CarouselError, match=r"parts/request\.json cannot be written"):
            run_shift_study(ASKED, tmp_path, force=force)
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]


# -- pages ----------------------------------------------------------------------------------------


def test_a_page_that_cannot_be_made_loses_nothing_and_is_tried_again(tmp_path, monkeypatch, capsys):
    def fail(folders):
        raise CarouselError("no page of this")

    monkeypatch.setattr(report, "write_page", fail)
    typed = [
        *("generalise", "uniform", "Boredom", "--axis", "swap-cost", "--severity", "1"),
        *("--set", "session_length=8", "--users", "3", "--workers", "1", "--out", str(tmp_path)),
    ]
    for words in ("wrote results.parquet", "held these results already"):
        with pytest.raises(CarouselError, match="no page of this"):
            app(typed, standalone_mode=False)
        told = capsys.readouterr().out
        assert words in told
        assert "Score at severity 1" in told
    monkeypatch.undo()
    again = run_shift_study(ASKED, tmp_path, workers=1, page=report.write_page)
    assert (again.kept, again.no_page) == (True, None)
    assert "<table" in (tmp_path / "report.html").read_text()


def test_a_control_without_severity_0_ends_in_a_page_without_gaps(tmp_path, capsys):
    there = Plan.of(SHORT, ["swap-cost"], [1.0]).targets[0].population
    for folder, population in (("ours", SHORT), ("there", there)):
        path = tmp_path / folder / "policy.safetensors"
        path.parent.mkdir()
        make_file(population).save(path)
    asked = replace(
        ASKED, routers=(str(tmp_path / "ours"),), controls=(str(tmp_path / "there"),), users=20
    )
    outcome = run_shift_study(asked, tmp_path / "out", workers=1, page=report.write_page)
    assert outcome.no_page is None
    assert (tmp_path / "out" / "report.html").exists()
    commands = {
        r["policy"]: r["command"] for r in outcome.summary["routers"] if r["role"] == "learned"
    }
    ours, control = (
        commands[str(tmp_path / name / "policy.safetensors")] for name in ("ours", "there")
    )
    assert "--shift" not in ours
    assert control.endswith(" --shift swap-cost=1.0")
    # what is told of a control is what its row says
    capsys.readouterr()
    app(control.split()[1:], standalone_mode=False)
    alone = json.loads(capsys.readouterr().out)
    (row,) = outcome.rows.filter(outcome.rows["trained_on"] == "target").to_dicts()
    assert alone["engagement"] == row["engagement"]


@pytest.mark.parametrize("severity", [0.0, 0.25, 1.0, 1 / 3, 0.1234567891, 1e-9])
def test_the_command_asks_for_the_same_severities(tmp_path, severity):
    words = command_of(replace(ASKED, severities=(severity, 0.5)), tmp_path).split()
    typed = [float(words[i + 1]) for i, word in enumerate(words) if word == "--severity"]
    assert typed == [severity, 0.5]
    assert words[words.index("--severity") + 1] in (f"{severity:g}", repr(severity))
