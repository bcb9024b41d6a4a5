"""Users seen and new: which users play, that none is both, and that memorising shows."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from carousel_agents.commands.app import app
from carousel_agents.generalisation import evaluate
from carousel_agents.generalisation.players import Player
from carousel_agents.generalisation.schema import SCHEMA
from carousel_agents.generalisation.user_samples import NEW_USERS, Sample, overlap_of, samples
from carousel_agents.generalisation.users_seen import curve, meet
from carousel_agents.report.folders import read_studies
from carousel_agents.scripted import make
from carousel_envs import CarouselError, Population
from carousel_envs.users.table import user_table
from support.matrix import most_later
from support.policy_files import make_file

RANGES = {"boredom_hazard": (0.02, 0.16), "engagement_bored": (0.1, 0.4)}
USERS = Population.preset("Boredom").replace(session_length=8, **RANGES)


def test_seen_users_are_those_of_training_and_new_ones_are_not():
    training = USERS.replace(n_users=200)
    sample = Sample.of(training, 20)
    assert sample.overlap == (20, 0)
    own = user_table(training)
    assert (user_table(sample.seen).rows == own.rows[:20]).all()
    assert len(user_table(sample.new)) == 20
    assert overlap_of(training, training) == 200


def test_few_training_users_are_all_met():
    sample = Sample.of(USERS.replace(n_users=3), 20)
    assert (sample.seen.n_users, sample.new.n_users) == (3, 20)
    assert sample.seen == USERS.replace(n_users=3)


def test_new_users_do_not_depend_on_how_many_were_trained_on():
    new = {Sample.of(USERS.replace(n_users=n), 20).new for n in (10, 100)}
    assert len(new) == 1


def test_users_who_differ_by_one_range_may_be_alike_by_chance_and_are_drawn_again():
    """Of 1000 users of one range, some are just like one of the first 50 new ones."""
    training = Population.preset("Boredom").replace(n_users=1000, engagement_bored=(0.1, 0.4))
    first = training.replace(n_users=50, users_seed=NEW_USERS)
    assert overlap_of(training, first) > 0
    sample = Sample.of(training, 50)
    assert sample.overlap == (50, 0)
    assert sample.new.users_seed % NEW_USERS == 0
    assert Sample.of(training, 50) == sample


def test_all_numbers_of_training_users_share_the_new_ones_whoever_must_draw_again():
    ranges = Population.preset("Boredom").replace(engagement_bored=(0.1, 0.4))
    few, many = (ranges.replace(n_users=n) for n in (10, 1000))
    assert Sample.of(few, 50).new != Sample.of(many, 50).new
    new = {sample.new for sample in samples([few, many], 50)}
    assert new == {Sample.of(many, 50).new}
    other = many.replace(users_seed=5)
    assert len({sample.new for sample in samples([few, other], 20)}) == 2


@pytest.mark.slow
def test_identical_users_give_no_new_ones():
    with pytest.raises(CarouselError, match="20 of 20 new users are just like some of 1000 of tr"):
        Sample.of(Population.preset("Boredom"), 20)


@pytest.mark.parametrize(
    "alike",
    most_later(
        [
            {"satiation_memory": (0.1, 0.9)},
            {"satiation_gain": (0.1, 0.9), "satiation_memory": 0.0},
            {"boredom_hazard": 0.0, "leave_bored": (0.1, 0.9)},
            {"badge": 0.5},
        ],
        lambda alike: "badge" in alike,
    ),
)
def test_users_who_differ_in_what_nobody_can_feel_are_no_new_ones(alike):
    population = Population.preset("Boredom").replace(n_users=30, **alike)
    with pytest.raises(CarouselError, match="20 of 20 new users are just like some of 30 of trai"):
        Sample.of(population, 20)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("way", [{"n_users": 100}, {"boredom_hazard": (0.02, 0.16)}])
def test_what_a_refusal_of_users_recommends_is_not_refused(way):
    training = Population.preset("Boredom").replace(
        n_users=10_000, engagement_bored=(0.1, 0.4), users_seed=3
    )
    with pytest.raises(CarouselError, match=r"best of 1000 draws; train on fewer .*two ranges"):
        Sample.of(training)
    assert Sample.of(training.replace(**way)).overlap == (50, 0)


def rows(*scores, router="ppo", role="learned"):
    """Rows of policies of (users_trained, seen, new)."""
    found = []
    for i, (n, *both) in enumerate(scores):
        for severity, score in enumerate(both):
            known = {"router": router, "role": role, "policy": str(i), "users_trained": n}
            overlap = 0 if severity else n
            known |= {"score": score, "severity": float(severity), "overlap": overlap}
            found.append(dict.fromkeys(SCHEMA) | known)
    return pl.DataFrame(found, schema=SCHEMA)


def test_the_curve_has_a_row_for_every_number_of_users():
    found = curve(rows((100, 0.8, 0.7), (10, 0.9, 0.2), (10, 0.7, 0.4), (100, 0.8, 0.7)))
    assert [row["users_trained"] for row in found] == [10, 100]
    few, many = found
    assert (few["seen"], few["new"], few["gap"]) == pytest.approx((0.8, 0.3, 0.5))
    assert (many["seen"], many["new"], many["gap"]) == pytest.approx((0.8, 0.7, 0.1))
    assert few["gap_low"] == pytest.approx(0.3)
    assert few["gap_high"] == pytest.approx(0.7)
    assert (few["seeds"], few["overlap"]) == (2, 0)
    assert curve(rows((10, 0.9, 0.2)))[0]["gap_low"] is None
    no_score = curve(rows((10, 0.9, None)))[0]
    assert (no_score["seen"], no_score["new"], no_score["gap"]) == (0.9, None, None)


def test_the_loop_stands_below_the_learned_with_a_gap_of_its_own():
    loop = rows((10, 0.9, 0.8), (100, 0.9, 0.9), router="frozen-loop", role="frozen")
    found = curve(pl.concat([loop, rows((10, 0.9, 0.5), (10, 0.9, 0.3))]))
    assert [(row["router"], row["users_trained"], row["seeds"]) for row in found] == [
        ("ppo", 10, 2),
        ("frozen-loop", 10, 1),
        ("frozen-loop", 100, 1),
    ]
    assert [row["gap"] for row in found] == pytest.approx([0.5, 0.1, 0.0])
    assert [row["gap_low"] is None for row in found] == [False, True, True]


@pytest.mark.parametrize("met", [0.0, 1.0])
def test_who_met_one_table_alone_has_no_gap(met):
    (found,) = curve(rows((10, 0.9, 0.2)).filter(pl.col("severity") == met))
    assert (found["seen"], found["new"]) == ((None, 0.2) if met else (0.9, None))
    assert found["gap"] is None
    assert found["seeds"] == met


def test_the_loop_beside_a_policy_is_that_of_its_training_users_on_both_tables():
    training = USERS.replace(n_users=3)
    sample = Sample.of(training, 5)
    file = make_file(training)
    met = meet([Player("p.safetensors", file)], sample, environment="", users=40, seed=1).frame()
    loop = met.filter(pl.col("router") == "frozen-loop")
    assert loop["target"].to_list() == [sample.seen.fingerprint, sample.new.fingerprint]
    assert loop.select("role", "users_trained", "overlap").rows() == [
        ("frozen", 3, 3),
        ("frozen", 3, 0),
    ]
    for population, engagement in zip((sample.seen, sample.new), loop["engagement"], strict=True):
        router = make("frozen-loop", population, training)
        assert evaluate(router, population, users=40, seed=1).engagement == engagement


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    for n in (4, 12):
        make_file(USERS.replace(n_users=n)).save(folder / f"{n:02d}.safetensors")
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["users-seen", *map(str, arguments)])


OPTIONS = (
    "--set",
    "session_length=8",
    *(part for name, span in RANGES.items() for part in ("--set", f"{name}={json.dumps(span)}")),
)


def test_the_command_writes_rows_and_keeps_them(policies, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("a page of other results")
    arguments = (policies, "Boredom", "--out", tmp_path / "out", "--table", 6, "--users", 60)
    done = run(*arguments, *OPTIONS, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    told = [(row["router"], row["users_trained"]) for row in document["rows"]]
    assert told == [("ppo", 4), ("ppo", 12), ("frozen-loop", 4), ("frozen-loop", 12)]
    kept = pl.read_parquet(tmp_path / "out" / "results.parquet")
    assert kept.schema == SCHEMA
    assert not (tmp_path / "out" / "report.html").exists()
    # a policy and the loop each time
    assert kept["overlap"].to_list() == [4, 4, 0, 0, 6, 6, 0, 0]
    assert kept["users_trained"].to_list() == [4] * 4 + [12] * 4
    assert kept["router"].to_list() == ["ppo", "frozen-loop"] * 4
    assert kept["regime"].to_list() == ["training", "training", *["interpolation"] * 2] * 2
    ranges = USERS.replace(n_users=1, users_seed=0)
    assert set(kept["source"]) == {ranges.fingerprint}, "all numbers of users are one study"
    assert kept["target"].n_unique() == 3, "the new users are the same"
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["command"].startswith("carousel users-seen ")
    again = run(*arguments, *OPTIONS)
    assert "held these results already" in again.stdout
    assert "gap" in again.stdout
    (section,) = read_studies([tmp_path / "out"])
    assert len(section.rows) == len(kept)
    other = run(*arguments, *OPTIONS, "--seed", 3)
    assert other.exit_code == 1
    assert "holds results of another study: seed is 0 there, 3 was asked for" in str(
        other.exception or other.output
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("loop", "Boredom"), "router 'loop' was not trained"),
        (("{policies}", "Boredom"), "was trained on users of other ranges than those asked for"),
        (("{policies}", "Boredom", *OPTIONS, "--table", "0"), "table is 0"),
        (("{policies}", "Boredom", *OPTIONS, "--users", "0"), "users is 0"),
        (("{policies}", "Recall"), "was trained on users of other ranges"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(policies, tmp_path, arguments, sentence):
    told = run(*(a.format(policies=policies) for a in arguments), "--out", tmp_path / "out")
    assert told.exit_code == 1
    assert sentence in str(told.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("shared", [0, 3])
def test_users_in_common_are_counted_one_by_one(shared):
    """Two ranges of whole 65536ths, so that some new users are just like some of training."""
    ranges = {"boredom_hazard": (0.1, 0.1003), "engagement_bored": (0.2, 0.2003)}
    training = Population.preset("Boredom").replace(**ranges, n_users=100_000)
    other = training.replace(n_users=40, users_seed=7 if shared else 8)
    if not shared:
        other = other.replace(boredom_hazard=(0.3, 0.4))
    rows = [{row.tobytes() for row in user_table(p).rows} for p in (training, other)]
    expected = sum(row.tobytes() in rows[0] for row in user_table(other).rows)
    assert overlap_of(training, other) == expected
    assert (expected > 0) == (shared > 0)
    assert overlap_of(training, training.replace(n_users=30)) == 30
