"""The suite: who plays whom, what rows say, planted routers come out as they must."""

import pickle
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from carousel_agents.generalisation import ShiftStudy, evaluate
from carousel_agents.generalisation import generalise as generalise_study
from carousel_agents.generalisation.players import COMPANIONS, ON_SOURCE
from carousel_agents.generalisation.schema import COLUMNS, SCHEMA
from carousel_agents.generalisation.shift_suite import Plan, play
from carousel_agents.generalisation.taking_part import (
    companions,
    controls,
    learned_and_scripted,
    masked,
)
from carousel_agents.generalisation.taking_part import policies as policies_below
from carousel_agents.learning.view import View
from carousel_agents.router import find_router, make
from carousel_envs import CarouselError, Population, any_population
from carousel_envs.registry import shifts_of
from carousel_envs.rollout import rollout
from carousel_envs.shifts import SEVERITIES, find_shift
from support.policy_files import make_file

BOREDOM = Population.preset("Boredom")


def generalise(routers, population, **options):
    """These routers, and no companions."""
    return generalise_study(ShiftStudy(tuple(routers), population, companions=False, **options))


SHORT = BOREDOM.replace(session_length=8)
RECALL = any_population("Recall")


@pytest.fixture
def policies(tmp_path):
    """Saves policies as DIR/seed-N/policy.safetensors; returns the folder as text."""

    def saved(population=SHORT, seeds=(0,), under="ppo", **changes) -> str:
        for seed in seeds:
            path = tmp_path / under / f"seed-{seed}" / "policy.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            training = {"steps": 10, "seed": seed}
            make_file(population, **{"training": training, **changes}).save(path)
        return str(tmp_path / under)

    return saved


# -- planted routers ------------------------------------------------------------------------------

# Where users come to differ in taste there is no exact optimum; where personas are missing there
# are as many solutions as contexts, which takes long and is shown on Boredom.
AXES = {
    "Boredom": [n for n, s in shifts_of(BOREDOM).items() if not s.obstacle(BOREDOM)],
    "Welfare": ["hazard", "cue-reversal", "swap-cost", "patience"],
    "Recall": list(shifts_of(RECALL)),
}
AXES["Boredom"].remove("unseen-archetype")


TURNS = 12
"""Of a quick session; questions are quick as they are."""


@pytest.fixture(
    scope="module",
    params=[
        *("Boredom quick", "Recall"),
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("Boredom", "Welfare", "Welfare quick")
        ),
    ],
)
def planted(request):
    name, _, quick = request.param.partition(" ")
    population = any_population(name)
    return generalise(
        ["optimal", "open-loop", "uniform"],
        population.replace(session_length=TURNS) if quick else population,
        users=4000,
        seed=11,
        axes=AXES[name],
        severities=(0.0, 1.0) if quick else SEVERITIES,
    ).frame()


def test_the_optimum_scores_one_on_every_axis_and_severity(planted):
    for row in planted.filter(pl.col("router") == "optimal").iter_rows(named=True):
        assert row["tier"] == "exact"
        # where nobody can be wrong there is no error either
        assert abs(row["engagement"] - row["value"]) <= 4.5 * row["engagement_se"], row["axis"]


def test_the_re_derived_schedule_scores_nothing_everywhere(planted):
    for row in planted.filter(pl.col("router") == "open-loop").iter_rows(named=True):
        assert abs(row["engagement"] - row["blind"]) <= 4.5 * row["engagement_se"], row["axis"]


def test_uniform_choice_scores_no_more_than_nothing_everywhere(planted):
    found = planted.filter(pl.col("router") == "uniform")["score"].drop_nulls()
    assert len(found) > 0
    assert (found <= 0).all()


def test_the_frozen_loop_is_near_the_optimum_in_training_and_falls_where_the_rule_moved():
    axes = ["hazard", "cue-noise", "cue-reversal", "swap-cost"]
    options = {"users": 20_000, "axes": axes, "severities": [0.0, 1.0]}
    rows = generalise(["frozen-loop", "loop", "optimal"], BOREDOM, **options).frame()
    for axis in axes:
        for severity, falls in ((0.0, False), (1.0, True)):
            here = rows.filter(pl.col("axis") == axis, pl.col("severity") == severity)
            frozen, fresh, best = here.sort("router").iter_rows(named=True)
            assert (frozen["score_high"] < best["score_low"]) == falls
            assert (frozen["score"] < fresh["score"] - 0.01) == falls
            assert (frozen["engagement"] == fresh["engagement"]) != falls


# -- rows -----------------------------------------------------------------------------------------


def test_severity_zero_repeats_the_training_figures_to_the_last_digit(policies):
    folder = policies(seeds=(0, 1))
    options = {"users": 120, "seed": 3, "axes": ["swap-cost", "hazard"], "severities": [0.0, 1.0]}
    rows = generalise([folder, "frozen-loop"], SHORT, **options).frame()
    trained = rows.filter(pl.col("severity") == 0.0)
    assert len(trained) == 2 * 3
    for one in trained.iter_rows(named=True):
        alone = evaluate(find_router(one["policy"], SHORT), SHORT, users=120, seed=3).row()
        assert {name: one[name] for name in alone} == alone


@pytest.mark.parametrize("env", ["Boredom", "Recall", "Welfare", "Unmask"])
def test_rows_have_the_columns_of_the_schema_in_order(env):
    population = any_population(env)
    if env != "Recall":
        population = population.replace(session_length=4)
    (target, *_) = Plan.of(population, ["rephrased" if env == "Recall" else "swap-cost"]).targets
    (uniform,) = learned_and_scripted(["uniform"], population)
    rows = play(target, [uniform], population, environment=f"Carousel/{env}-v0", users=5).rows
    assert [list(row) for row in rows] == [list(COLUMNS)] * len(rows)
    told = {"Recall": "lied", "Welfare": "welfare", "Unmask": "unmasked"}
    for name in told.values():
        assert (rows[0][name] is not None) == (told.get(env) == name)
    assert pl.DataFrame(rows, schema=SCHEMA).to_dicts() == rows


def test_rows_say_who_played_and_what_it_was_trained_on(policies):
    folder = policies(seeds=(4,), view=View(3))
    names = [folder, "frozen-loop", "optimal"]
    options = {"users": 5, "axes": ["hazard"], "severities": [1.0]}
    learned, frozen, optimal = generalise(names, SHORT, **options).rows
    keys = ("router", "role", "algorithm", "training_seed", "trained_on", "users_trained")
    told = [tuple(row[key] for key in keys) for row in (learned, frozen, optimal)]
    assert told == [
        ("ppo-history3", "learned", "ppo", 4, "source", SHORT.n_users),
        ("frozen-loop", "frozen", None, None, "source", None),
        ("optimal", "optimal", None, None, None, None),
    ]
    assert learned["policy"] == f"{folder}/seed-4/policy.safetensors"
    assert learned["source"] == SHORT.fingerprint
    assert learned["target"] == find_shift("hazard").apply(SHORT, 1.0).fingerprint


def test_rows_tell_which_populations_a_policy_trained_on_as_levels(policies):
    """Its source counts as its source, another policy's rows are as ever."""
    quick, paid = (find_shift(name).apply(SHORT, 1.0) for name in ("hazard", "swap-cost"))
    levels = {"shifts": ["hazard=1"], "curriculum": "uniform"}
    for known in ([quick.fingerprint], [quick.fingerprint, SHORT.fingerprint]):
        told = {"steps": 10, "seed": 0, "levels": {**levels, "populations": known}}
        folder = policies(training=told, under="levels")
        plain = policies(under="plain", seeds=(3,))
        rows = generalise(
            [f"trained={folder}", f"plain={plain}"],
            SHORT,
            users=5,
            axes=["hazard", "swap-cost"],
            severities=[0.0, 1.0],
        ).rows
        keys = ("router", "axis", "severity", "trained_on", "regime")
        found = {tuple(row[key] for key in keys) for row in rows}
        beyond = ("source", "extrapolation")
        assert found == {
            *(
                (who, axis, 0.0, "source", "training")
                for who in ("trained", "plain")
                for axis in ("hazard", "swap-cost")
            ),
            ("trained", "hazard", 1.0, "level", "level"),
            ("trained", "swap-cost", 1.0, *beyond),
            ("plain", "hazard", 1.0, *beyond),
            ("plain", "swap-cost", 1.0, *beyond),
        }
        assert paid.fingerprint in {row["target"] for row in rows}


@pytest.mark.parametrize("levels", [[], {"populations": "5072ce00"}, {"populations": [1]}, "x"])
def test_levels_that_cannot_be_read_are_refused(policies, levels):
    folder = policies(training={"steps": 10, "seed": 0, "levels": levels})
    with pytest.raises(
        CarouselError, match=r"training\.levels of a policy file is .* fingerprints"
    ):
        generalise([folder], SHORT, users=5, axes=["hazard"], severities=[1.0])


def test_regimes_are_training_and_beyond():
    rows = generalise(["uniform"], SHORT, users=5, axes=["hazard"], severities=[1.0, 0.0]).rows
    assert [(row["severity"], row["regime"]) for row in rows] == [
        (1.0, "extrapolation"),
        (0.0, "training"),
    ]


def test_the_training_users_are_played_once_for_all_axes():
    plan = Plan.of(SHORT, ["hazard", "swap-cost"], [0.0, 0.5])
    assert [target.name for target in plan.targets] == ["training", "hazard=0.5", "swap-cost=0.5"]
    assert [axis.name for axis in plan.targets[0].axes] == ["hazard", "swap-cost"]


def test_questions_are_shifted_along_their_own_axes():
    suite = generalise(["optimal"], RECALL, users=5, severities=[0.0, 1.0])
    assert [axis.name for axis in suite.plan.axes] == list(shifts_of(RECALL))
    assert {row["axis"] for row in suite.rows} == set(shifts_of(RECALL))


def test_an_axis_that_means_nothing_leaves_nothing_to_run():
    with pytest.raises(CarouselError, match="nothing is to be run: farewells: no user shows"):
        Plan.of(SHORT, ["farewells"])


# -- who plays ------------------------------------------------------------------------------------


def test_a_folder_stands_for_every_policy_below_it_once(policies):
    folder = policies(seeds=(1, 0, 2))
    one = f"{folder}/seed-1/policy.safetensors"
    players = learned_and_scripted([one, folder, "loop", "loop"], SHORT)
    assert [p.file and p.file.training_seed for p in players] == [1, 0, 2, None]
    assert {p.name for p in players} == {"ppo", "loop"}


def test_a_folder_that_is_called_like_a_scripted_router_is_not_taken_for_it(tmp_path, monkeypatch):
    (tmp_path / "loop").mkdir()
    monkeypatch.chdir(tmp_path)
    (player,) = learned_and_scripted(["loop"], SHORT)
    assert player.file is None
    (tmp_path / "empty").mkdir()
    with pytest.raises(CarouselError, match="folder 'empty' holds no policy file"):
        learned_and_scripted(["empty"], SHORT)


def test_companions_are_the_routers_that_were_not_requested():
    beside = companions(learned_and_scripted(["optimal", "loop"], SHORT))
    everybody = {*COMPANIONS, *ON_SOURCE} - {"optimal", "loop"}
    assert {player.policy for player in beside} == everybody
    for player in beside:
        shifted = find_shift("hazard").apply(SHORT, 1.0)
        assert player.plays(SHORT, SHORT)
        assert player.plays(shifted, SHORT) == (player.policy in COMPANIONS)


def test_companions_that_make_no_sense_are_left_out_with_the_reason():
    (target, *_) = Plan.of(RECALL, ["rephrased"]).targets
    beside = companions(learned_and_scripted(["uniform"], RECALL))
    played = play(target, beside, RECALL, users=5)
    silent = {"frozen-loop", "frozen-tally", "memoryless", "loop", "tally"}
    assert set(played.left_out) == silent
    assert all("questions" in reason for reason in played.left_out.values())
    assert [row["router"] for row in played.rows] == [
        *("frozen-optimal", "frozen-open-loop", "optimal", "fixed", "open-loop")
    ]
    with pytest.raises(CarouselError, match="questions"):
        learned_and_scripted(["frozen-loop"], RECALL)


def test_controls_play_the_target_that_they_were_trained_on(policies):
    plan = Plan.of(SHORT, ["swap-cost"], [0.0, 0.5, 1.0])
    there = find_shift("swap-cost").apply(SHORT, 0.5)
    folder = policies(there, seeds=(0, 1), under="control")
    found = controls([folder], [target.population for target in plan.targets])
    players = [*learned_and_scripted(["uniform"], SHORT), *found]
    rows = [row for t in plan.targets for row in play(t, players, SHORT, users=5).rows]
    own = [row for row in rows if row["trained_on"] == "target"]
    assert [(row["severity"], row["training_seed"]) for row in own] == [(0.5, 0), (0.5, 1)]
    assert all(row["target"] == there.fingerprint for row in own)
    assert len(rows) == 3 + 2


def test_a_control_that_fits_no_target_is_named(policies):
    folder = policies(SHORT.replace(swap_cost=0.123), under="control")
    with pytest.raises(CarouselError, match=r"control '.*policy.safetensors' was trained on users"):
        controls([folder], [SHORT])
    with pytest.raises(CarouselError, match="neither a folder nor a policy file"):
        controls(["uniform"], [SHORT])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"population": BOREDOM}, "was trained on other users"),
        ({"under": "a/b"}, "are both ppo of training seed 0"),
    ],
)
def test_policies_that_cannot_be_compared_are_one_sentence(policies, changes, sentence: str):
    first = policies(under="a/c")
    policies(**{"under": "a/d", **changes})
    with pytest.raises(CarouselError, match=sentence):
        learned_and_scripted([first, first.removesuffix("/c")], SHORT)


def test_two_policies_of_a_router_that_name_no_seed_are_refused(policies):
    folder = policies(seeds=(None, 0), under="one")
    assert len(learned_and_scripted([folder], SHORT)) == 2, "one may name none"
    other = policies(seeds=(None,), under="other")
    for found in (policies_below, lambda routers: learned_and_scripted(routers, SHORT)):
        with pytest.raises(CarouselError, match="are both ppo and name no training seed"):
            found([folder, other])
    # of other users, or another router, it is another training
    policies_below([folder, policies(BOREDOM, seeds=(None,), under="third")])
    learned_and_scripted([folder, policies(seeds=(None,), under="dqn", algorithm="dqn")], SHORT)


def test_a_frozen_router_is_solved_once(monkeypatch):
    from carousel_agents.generalisation import players

    made = []
    real = players.make
    monkeypatch.setattr(players, "make", lambda *a: made.append(a) or real(*a))
    source = SHORT.replace(session_length=7)
    plan = Plan.of(source, ["hazard"])
    (player,) = learned_and_scripted(["frozen-loop"], source)
    for target in plan.targets:
        player.router(target.population, source)
    assert [name for name, *_ in made] == ["frozen-loop"]


def test_what_is_handed_to_another_process_arrives_whole(policies):
    players = learned_and_scripted([policies(lstm=1), "loop"], SHORT)
    plan = Plan.of(SHORT, ["hazard"], [1.0])
    there, others = pickle.loads(pickle.dumps((plan.targets[0], players)))
    own = play(plan.targets[0], players, SHORT, users=20)
    assert play(there, others, SHORT, users=20) == own


class Twice:
    """Every persona for two turns."""

    def initial_state(self, lanes, seed):
        return 0

    def act(self, observation, state):
        return np.full(len(observation), state // 2 % 4), state + 1


def test_a_router_may_be_an_object():
    study = ShiftStudy((Twice(), "uniform"), SHORT, users=30, axes=("hazard",), companions=False)
    rows = generalise_study(study).rows
    assert {row["router"] for row in rows} == {"Twice", "uniform"}
    alone = evaluate(Twice(), SHORT, users=30)
    (own,) = [r for r in rows if r["router"] == "Twice" and r["severity"] == 0.0]
    assert own["engagement"] == alone.engagement
    with pytest.raises(CarouselError, match="two routers are called 'Twice'"):
        generalise_study(ShiftStudy((Twice(), Twice()), SHORT, users=30, axes=("hazard",)))


def test_where_somebody_may_be_missing_policies_also_play_kept_from_picking_them(policies):
    missing = find_shift("unavailable").apply(SHORT, 0.5)
    asked = learned_and_scripted([policies(seeds=(0, 1)), "uniform"], SHORT)
    kept = masked(asked, [SHORT, missing])
    assert [(player.name, player.masked) for player in kept] == [("ppo-masked", True)] * 2
    assert masked(asked, [SHORT]) == []
    hazard = find_shift("hazard").apply(SHORT, 0.5)
    assert [kept[0].plays(users, SHORT) for users in (SHORT, missing, hazard)] == [
        True,
        True,
        False,
    ]
    rows = play(
        Plan.of(SHORT, ["unavailable"], [0.5]).targets[0], [*asked, *kept], SHORT, users=200
    )
    refused = {(row["router"], row["policy"]): row["refused"] for row in rows.rows}
    assert all((figure == 0.0) == (name != "ppo") for (name, _), figure in refused.items())
    at_home = play(
        Plan.of(SHORT, ["unavailable"], [0.0]).targets[0], [*asked, *kept], SHORT, users=50
    )
    figures = {}
    for row in at_home.rows:
        figures.setdefault(row["policy"], set()).add(row["engagement"])
    assert all(len(each) == 1 for each in figures.values())


def test_what_the_training_schedule_earns_is_a_second_zero_and_regret_stands_beside():
    study = ShiftStudy(("loop",), SHORT, users=500, axes=("hazard",), severities=(0.0, 1.0))
    for row in generalise_study(study).rows:
        assert row["regret"] == row["value"] - row["engagement"]
        assert row["regret_at_most"] == row["value_upper"] - row["engagement"]
        zero = row["frozen_blind"]
        expected = (row["engagement"] - zero) / (row["value"] - zero)
        assert row["score_from_frozen_blind"] == pytest.approx(expected, abs=1e-12)
        if row["router"] == "frozen-open-loop":
            assert row["score_from_frozen_blind"] == 0.0
    alone = generalise_study(replace(study, users=10, companions=False)).rows
    assert {row["frozen_blind"] for row in alone} == {None}


def test_no_default_of_training_plays_a_session_of_evaluation():
    from carousel_agents.generalisation.evaluate import STREAMS

    population = SHORT.replace(session_length=4)
    sessions = rollout(population, make("uniform", population), 300, STREAMS)
    found = evaluate("uniform", population, users=300)
    assert found.engagement == sessions.mean
    assert found.engagement != rollout(population, make("uniform", population), 300, 0).mean
    for seed in (-1, 2**56):
        with pytest.raises(CarouselError, match="seed is"):
            evaluate("uniform", population, users=300, seed=seed)


@pytest.mark.parametrize(
    ("training", "key"),
    [
        ({"settings": {"learning_rate": 0.1}}, "learning_rate (None and 0.1)"),
        ({"steps": 20}, "steps trained (10 and 20)"),
        ({"imported": True}, "imported (False and True)"),
        ({"levels": {"populations": ["a1"]}}, "levels (None and {'populations': ['a1']})"),
    ],
)
def test_policies_of_two_trainings_are_no_seeds_of_one(tmp_path, training, key):
    paths = []
    for seed, more in enumerate(({}, training)):
        paths.append(str(tmp_path / f"{seed}.safetensors"))
        make_file(SHORT, training={"steps": 10, "seed": seed, **more}).save(tmp_path / paths[-1])
    with pytest.raises(CarouselError, match="are both ppo, but differ in") as caught:
        learned_and_scripted(paths, SHORT)
    assert key in str(caught.value)
    assert f"as in ppo-2={paths[1]}" in str(caught.value)
    named = learned_and_scripted([paths[0], f"ppo-2={paths[1]}"], SHORT)
    assert [player.name for player in named] == ["ppo", "ppo-2"]
    assert [player.policy for player in named] == paths
    frame = generalise([paths[0], f"ppo-2={paths[1]}"], SHORT, users=5, axes=("hazard",)).frame()
    assert set(frame["router"]) == {"ppo", "ppo-2"}
    assert set(frame["role"]) == {"learned"}


def test_a_control_of_another_training_is_refused(policies):
    target = find_shift("hazard").apply(SHORT, 1.0)
    source = policies(under="source")
    control = policies(target, under="control")
    study = ShiftStudy((source,), SHORT, axes=("hazard",), controls=(control,), companions=False)
    assert len(study.players(study.plan())) == 2
    path = f"{control}/seed-0/policy.safetensors"
    make_file(target, training={"steps": 30, "seed": 0}).save(path)
    with pytest.raises(CarouselError, match="steps trained"):
        study.players(study.plan())


def test_only_policy_files_are_given_a_name_and_none_that_means_another_router(policies):
    with pytest.raises(CarouselError, match="names 'uniform', which is no policy file"):
        learned_and_scripted(["mine=uniform"], SHORT)
    folder = policies(seeds=(0,))
    for name in ("frozen-open-loop", "optimal", "ppo-masked"):
        with pytest.raises(CarouselError, match="which means another router"):
            learned_and_scripted([f"{name}={folder}"], SHORT)
    with pytest.raises(CarouselError, match="is given the names 'a' and 'b'"):
        learned_and_scripted([f"a={folder}", f"b={folder}"], SHORT)


@pytest.mark.parametrize("first", [True, False])
def test_a_name_for_one_policy_of_a_folder_counts_wherever_it_stands(policies, first):
    folder = policies(seeds=(0, 1))
    path = f"{folder}/seed-1/policy.safetensors"
    given = [f"other={path}", folder] if first else [folder, f"other={path}"]
    found = {player.policy: player for player in learned_and_scripted(given, SHORT)}
    assert {player.name for player in found.values()} == {"ppo", "other"}
    assert found[path].as_given == f"other={path}"


def test_a_path_with_an_equals_sign_is_a_path(policies, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    policies(under="lr=0.1")
    (player,) = learned_and_scripted(["lr=0.1/seed-0/policy.safetensors"], SHORT)
    assert (player.name, player.policy) == ("ppo", "lr=0.1/seed-0/policy.safetensors")
