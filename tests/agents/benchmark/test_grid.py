"""Grids: a file decides what is run, and an error in it is reported in one sentence."""

import dataclasses
import re
from pathlib import Path

import pytest

from carousel_agents.benchmark.grid import Grid
from carousel_agents.benchmark.runs import GridRun
from carousel_agents.learning.algorithms.record import core_algorithms
from carousel_agents.learning.levels import Levels
from carousel_agents.learning.view import View
from carousel_envs import CarouselError, Population, any_population, environment_ids
from carousel_envs.registry import environment_id, shifts_of
from carousel_envs.shifts import SHIFTS
from support.presets import variants

ROW = '[[row]]\nenvironments = ["Boredom"]\nalgorithms = ["ppo"]\nseeds = 2\n'


def read(tmp_path: Path, text: str) -> Grid:
    file = tmp_path / "grid.toml"
    file.write_text(text, encoding="utf-8")
    return Grid.read(file)


def test_a_row_is_every_algorithm_on_every_environment_for_every_seed(tmp_path):
    text = """
    curve = 4
    [evaluation]
    users = 100
    seed = 9
    [[row]]
    environments = ["Boredom", "Carousel/Taste-v0"]
    algorithms = ["ppo", "dqn"]
    seeds = [7, 3]
    steps = 1_000
    history = 8
    context = true
    """
    runs = read(tmp_path, text).runs()
    assert len(set(runs)) == 8
    view = View(history=8, visible_context=True)
    first = GridRun("Carousel/Boredom-v0", "ppo", 7, view, 1000, 100, 9, 4)
    assert runs[0] == first
    assert first.name == "Boredom/ppo-history8-context/seed-7"
    assert [run.seed for run in runs] == [7] * 4 + [3] * 4, "every row's first seed comes first"


def test_a_row_may_take_its_settings_from_a_file_for_each_environment_and_algorithm(tmp_path):
    for name, gamma in (("Boredom/ppo", 0.5), ("Boredom/dqn", 0.6), ("Taste/ppo", 0.7)):
        file = tmp_path / "found" / f"{name}.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"gamma = {gamma}\nnetwork = [8]\n", encoding="utf-8")
    row = ROW.replace('["ppo"]', '["ppo", "dqn"]')
    row += 'settings = "found/{environment}/{algorithm}.toml"\nlabel = "tuned"\n'
    first = {run.name: run.training().settings for run in read(tmp_path, row).runs()[:2]}
    assert first["Boredom/ppo-tuned/seed-0"].gamma == 0.5
    assert first["Boredom/dqn-tuned/seed-0"].gamma == 0.6
    assert first["Boredom/dqn-tuned/seed-0"].network == (8,)
    run = read(tmp_path, row.replace("Boredom", "Taste").replace(', "dqn"', "")).runs()[0]
    assert run.training().settings.gamma == 0.7
    file = tmp_path / "found/Boredom/dqn.toml"
    for wrong, sentence in (("steps = 5", "settings holds steps"), ("gamma = 3", "gamma is 3")):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(CarouselError, match=rf"row 1: .*Boredom/dqn\.toml: {sentence}"):
            read(tmp_path, row)
    with pytest.raises(CarouselError, match=r"row 1: .*Taste/dqn\.toml cannot be read"):
        read(tmp_path, row.replace("Boredom", "Taste"))


def test_a_row_may_train_on_levels(tmp_path):
    levels = ROW + 'levels = ["hazard=1", "patience=0.5,fit=1"]\n'
    uniform, regret = (
        read(tmp_path, text).runs()[0] for text in (levels, levels + 'curriculum = "regret"\n')
    )
    assert uniform.name == "Boredom/ppo-randomised/seed-0"
    assert regret.name == "Boredom/ppo-regret/seed-0"
    assert regret.training().levels == Levels(("hazard=1", "patience=0.5,fit=1"), "regret")
    request = regret.request()
    told = {"shifts": ["hazard=1", "patience=0.5,fit=1"], "curriculum": "regret"}
    assert request["levels"].items() >= told.items()
    assert len(request["levels"]["populations"]) == 2
    assert GridRun.of(request).name == regret.name
    assert GridRun.of(request).levels == regret.levels


def test_a_row_may_change_and_shift_its_users(tmp_path):
    changed = ROW + 'set = ["n_users=100"]\nshifts = ["hazard=1", "swap-cost=0.5"]\n'
    run = read(tmp_path, ROW + changed).runs()[1]
    assert run.name == "Boredom@n_users=100,hazard=1,swap-cost=0.5/ppo/seed-0"
    boredom = Population.preset("Boredom").replace(n_users=100)
    target = SHIFTS["swap-cost"].apply(SHIFTS["hazard"].apply(boredom, 1.0), 0.5)
    assert run.population == target
    assert run.training().population == target
    request = run.request()
    assert request["population"] == target.fingerprint
    assert GridRun.of(request).name == run.name


def test_changed_users_may_be_given_a_name(tmp_path):
    many = 'set = ["boredom_hazard=[0.02, 0.06, 0.1, 0.14]", "engagement_bored=[0.1, 0.35]", '
    many += '"leave_bored=[0.01, 0.03, 0.04, 0.06]", "n_users=100"]\nusers = "some-ranges"\n'
    run = read(tmp_path, ROW + ROW + many).runs()[1]
    assert run.name == "Boredom@some-ranges/ppo/seed-0"
    assert run.population.leave_bored == (0.01, 0.03, 0.04, 0.06)
    assert GridRun.of(run.request()) == dataclasses.replace(
        run, steps=run.training().settings.steps
    )


def test_a_row_may_change_settings_under_a_label(tmp_path):
    changed = 'settings = { network = [16], gamma = 0.9 }\nlabel = "net16"\nhistory = 4\n'
    run = read(tmp_path, ROW + ROW + changed).runs()[1]
    assert run.name == "Boredom/ppo-net16-history4/seed-0"
    settings = run.training().settings
    assert (settings.network, settings.gamma) == ((16,), 0.9)
    assert GridRun.of(run.request()).name == run.name


def test_a_label_alone_tells_rows_of_different_steps_apart(tmp_path):
    rows = [f'{ROW}steps = {n}_000\nlabel = "{n}k"\n' for n in (1, 2)]
    runs = read(tmp_path, "".join(rows)).runs()
    assert [run.name for run in runs[:2]] == ["Boredom/ppo-1k/seed-0", "Boredom/ppo-2k/seed-0"]
    assert [GridRun.of(run.request()) for run in runs] == list(runs)


def test_a_request_without_changes_says_nothing_of_them(tmp_path):
    request = read(tmp_path, ROW).runs()[0].request()
    assert not {"changes", "shifts", "label", "users_label"} & set(request)


def test_what_is_left_out_has_a_default(tmp_path):
    runs = read(tmp_path, ROW).runs()
    assert runs == tuple(GridRun("Carousel/Boredom-v0", "ppo", seed) for seed in (0, 1))
    assert runs[0].name == "Boredom/ppo/seed-0"
    assert runs[0].steps is None


def test_runs_can_be_chosen_by_pattern(tmp_path):
    more = '[[row]]\nenvironments = ["Taste"]\nalgorithms = ["ppo", "a2c"]\nseeds = 1\n'
    grid = read(tmp_path, ROW + more)
    assert [run.name for run in grid.runs(["*/a2c"])] == ["Taste/a2c/seed-0"]
    assert {run.group for run in grid.runs(["Boredom/*", "Taste/ppo"])} == {
        "Boredom/ppo",
        "Taste/ppo",
    }
    with pytest.raises(CarouselError, match="--only 'Taste/dqn' matches nothing; the grid has"):
        grid.runs(["Taste/dqn"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"it has no \[\[row\]\]"),
        ("row = 3", r"it has no \[\[row\]\]"),
        ("row = [", "is no TOML file"),
        ("colour = 1\n" + ROW, "'colour' is no key; known are row, evaluation, curve"),
        ("curve = 0\n" + ROW, "curve is 0"),
        ("evaluation = 3\n" + ROW, "evaluation is 3; it must be a table"),
        (ROW + "[evaluation]\nusers = 0", "users is 0"),
        (ROW + "[evaluation]\nseed = -1", "seed is -1"),
        (ROW + "[evaluation]\nturns = 1", "evaluation: 'turns' is no key"),
        (ROW.replace("Boredom", "Nowhere"), "row 1: environment 'Nowhere' is unknown"),
        (ROW.replace("ppo", "sarsa"), "row 1: algorithm 'sarsa' is unknown; known are ppo, a2c"),
        (ROW.replace('["ppo"]', '"ppo"'), "algorithms is 'ppo'; it must be a list of names"),
        (ROW.replace('"ppo"', "3"), "algorithms holds 3; it must be a list of names"),
        (ROW.replace('"ppo"', '"ppo", "ppo"'), "algorithms holds 'ppo' more than once"),
        (ROW.replace('["ppo"]', "[]"), "algorithms is empty"),
        (ROW.replace('algorithms = ["ppo"]\n', ""), "algorithms is missing"),
        (ROW.replace("seeds = 2\n", ""), "seeds is missing"),
        (ROW.replace("seeds = 2", "seeds = 0"), "seeds is 0"),
        (ROW.replace("seeds = 2", "seeds = [-1]"), "seed is -1"),
        (ROW.replace("seeds = 2", "seeds = [1, 1]"), "seeds holds 1 more than once"),
        (ROW + "steps = 1.5", "steps is 1.5"),
        (ROW + "history = 0", "history is 0"),
        (ROW + "context = 1", "context is 1; it must be True or False"),
        (ROW.replace("Boredom", "Recall") + "context = true", "row 1: there is no context"),
        (ROW + "fit = 1", "row 1: 'fit' is no key"),
        (ROW + "settings = 3", "row 1: settings is 3; it must be a table"),
        (ROW + 'rewards = "others"', "row 1: settings and rewards must come with a label"),
        (ROW + 'rewards = "mine"\nlabel = "x"', "row 1: rewards is 'mine'"),
        (ROW + "settings = {gamma = 0.9}", "row 1: settings and rewards must come with a label"),
        (ROW + 'label = "A b"', "row 1: label is 'A b'; it must be a word"),
        (ROW + 'settings = {gamma = 2}\nlabel = "a"', "row 1: gamma is 2"),
        (ROW + 'settings = {gama = 1}\nlabel = "a"', "row 1: .*gama"),
        (ROW + 'settings = {steps = 1}\nlabel = "a"', "row 1: settings holds steps"),
        (ROW + 'users = "few"', "row 1: users is 'few', but neither set nor shifts changes them"),
        (ROW + 'set = ["n_users=1"]\nusers = "a b"', "row 1: users is 'a b'; it must be a word"),
        (ROW + 'set = ["n_users=1"]\nusers = ""', "row 1: users is ''; it must be a word"),
        (ROW + "set = 3", "row 1: set is 3; it must be a list of names"),
        (ROW + 'levels = "hazard=1"', "row 1: levels is 'hazard=1'; it must be a list of names"),
        (ROW + 'levels = ["hazrd=1"]', "row 1: .*'hazrd' is unknown"),
        (ROW + 'curriculum = "regret"', "row 1: curriculum is given, but no levels"),
        (ROW + 'levels = ["hazard=1"]\ncurriculum = 3', "row 1: curriculum is 3; it must be"),
        (ROW + 'set = ["n_users"]', "row 1: --set 'n_users' must have the form field=value"),
        (ROW + 'set = ["n_users=0"]', "row 1: n_users is 0"),
        (
            ROW + 'set = ["a/b=0"]',
            "row 1: set holds 'a/b=0'; it must be of letters that show, without /",
        ),
        (ROW + 'set = ["n_users=1\\n"]', "row 1: set holds 'n_users=1.n'; it must be of letters"),
        (ROW + 'set = ["n_users=1", "n_users=2"]', "row 1: set names 'n_users' more than once"),
        (ROW + f'set = ["n_users={"1" * 99}"]', "row 1: set holds 107 letters"),
        (ROW + 'shifts = ["hazard"]', "row 1: shift 'hazard' must have the form axis=severity"),
        (ROW + 'shifts = ["farewells=1"]', "row 1: shift 'farewells' does not apply"),
        (ROW + ROW, "rows 1 and 2 both hold Boredom/ppo"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, text, sentence):
    with pytest.raises(CarouselError, match=sentence) as told:
        read(tmp_path, text)
    assert str(told.value).startswith(f"grid {tmp_path / 'grid.toml'}")
    assert "\n" not in str(told.value)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(CarouselError, match=r"no\.toml cannot be read: No such file"):
        Grid.read(tmp_path / "no.toml")


def test_the_committed_grid_holds_every_algorithm_on_every_environment():
    runs = Grid.read(Path(__file__).parents[3] / "benchmarks" / "learners.toml").runs()
    seeds: dict[tuple[str, str], int] = {}
    for run in runs:
        seeds[run.environment, run.router] = seeds.get((run.environment, run.router), 0) + 1
    for environment in set(environment_ids()) - {environment_id(name) for name in variants()}:
        for algorithm in core_algorithms():
            claimed = environment in ("Carousel/Boredom-v0", "Carousel/Taste-v0")
            claimed &= algorithm in ("ppo", "dqn", "recurrent-ppo")
            assert seeds.pop((environment, algorithm)) == (10 if claimed else 3)
    assert seeds == {("Carousel/Taste-v0", "ppo-history8"): 10}


BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
STUDIED = ("Boredom", "Taste", "Satiation", "Welfare", "Unmask", "Recall")


def test_the_study_has_ten_seeds_of_equal_steps_everywhere():
    for name in ("generalisation", "controls"):
        seeds: dict[tuple[str, str], list[int]] = {}
        for run in Grid.read(BENCHMARKS / f"{name}.toml").runs():
            seeds.setdefault((run.users_name, run.router), []).append(run.seed)
            assert run.steps == 500_000
        for who, own in seeds.items():
            assert own == list(range(100, 110)), who


def test_controls_stand_on_every_axis_of_every_environment_of_the_study():
    found = {
        (run.environment, *run.shifts) for run in Grid.read(BENCHMARKS / "controls.toml").runs()
    }
    wanted = set()
    for name in STUDIED:
        population = any_population(name)
        wanted |= {
            (environment_id(name), f"{axis}=1")
            for axis, shift in shifts_of(population).items()
            if not shift.obstacle(population)
        }
    assert found == wanted


def test_policies_of_the_study_are_trained_alike_but_for_what_is_compared():
    """Those trained on levels have the settings of the algorithm without masks, controls those of
    PPO."""
    own = {}
    for run in Grid.read(BENCHMARKS / "generalisation.toml").runs():
        if not run.changes:
            levels = run.levels.curriculum if run.levels else ""
            own[run.environment, run.algorithm, levels] = run.settings
    for (environment, algorithm, levels), settings in own.items():
        assert settings == own[environment, algorithm.removeprefix("maskable-"), ""], levels
    for run in Grid.read(BENCHMARKS / "controls.toml").runs():
        assert run.settings == own[run.environment, "ppo", ""]
    assert len(own) == len(STUDIED) * 7


def test_settings_were_searched_for_with_equal_effort():
    for name in STUDIED:
        for algorithm in ("ppo", "dqn", "recurrent-ppo"):
            head = (BENCHMARKS / "tuned" / name / f"{algorithm}.toml").read_text().splitlines()
            assert head[0].startswith(f"# {algorithm} on {environment_id(name)}: ")
            assert head[0].count(" over 2 seeds, ") == 1
            assert head[1] == "# found at 500000 steps per run"
            trials = [int(n) for n in re.findall(r"(\d+)", head[2])]
            assert sum(trials) == 12


def test_a_file_without_end_is_one_sentence():
    with pytest.raises(CarouselError, match="cannot be read: it is not a regular file"):
        Grid.read(Path("/dev/zero"))
