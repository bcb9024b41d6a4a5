"""Tables in Markdown say what the rows say."""

import polars as pl
import pytest

from carousel_agents.generalisation.gap_parts import gaps
from carousel_agents.generalisation.summary import aggregated
from carousel_agents.report import claims, markdown
from support.study_example import AXES, CONTROLS, LEARNED, frame, study_rows


@pytest.fixture(scope="module")
def rows():
    """A study without the question of users, which has a folder of its own."""
    return frame(study_rows(seeds=4)).filter(pl.col("axis") != "users")


def cells(table):
    """Heads, and lines by their first cells."""
    heads, rule, *lines = [
        [cell.strip() for cell in line[1:-1].split(" | ")] for line in table.splitlines()
    ]
    assert {len(heads)} == {len(line) for line in (rule, *lines)}
    return heads, lines


def test_every_population_has_a_line_with_its_reference_and_distance(rows):
    heads, lines = cells(markdown.targets(rows))
    assert [line[0] for line in lines] == [f"`{axis}`" for axis in AXES for _ in range(5)]
    first, *_, last = (dict(zip(heads, line, strict=True)) for line in lines[:5])
    assert (first["kind"], last["kind"]) == ("training", AXES["hazard"][0])
    assert (first["severity"], last["severity"]) == ("0", "1")
    assert last["nats"] == f"{AXES['hazard'][-1]:.2f}"
    assert [last[name] for name in ("value", "upper bound", "blind")] == ["22.00", "22.00", "18.00"]
    assert [last[name] for name in ("best constant", "uniform")] == ["15.00", "3.00"]
    without = {line[0] for line in lines if line[3] == "- *"}
    assert without == {"`patience`", "`session-length`"}


def test_severities_are_columns_and_controls_are_left_out(rows):
    heads, lines = cells(markdown.by_severity(rows))
    assert heads == ["axis", "router", "0", "0.25", "0.5", "0.75", "1"]
    assert len(lines) == len(AXES) * (len(LEARNED) + len(markdown.FROZEN))
    ours = rows.filter(pl.col("trained_on") == "source")
    assert markdown.by_severity(ours) == markdown.by_severity(rows)
    assert [cell[:4] for cell in lines[4][2:]] == ["0.98", "0.85", "0.73", "0.60", "0.48"]
    told = {(row["axis"], row["router"]): row for row in aggregated(ours) if row["severity"] == 1}
    ends = {(line[0], line[1]): line[-1] for line in lines}
    for axis in AXES:
        known = told[axis, "dqn"]
        assert ends[f"`{axis}`", "`dqn`"] == (
            f"{known['score']:.2f} ({known['score_low']:.2f} to {known['score_high']:.2f})"
        )


def test_where_listening_is_worth_nothing_there_is_no_score(rows):
    nothing = pl.when(pl.col("severity") == 1).then(None).otherwise(pl.col("score"))
    _, lines = cells(markdown.by_severity(rows.with_columns(score=nothing)))
    assert {line[-1] for line in lines} == {"-"}


def test_every_control_makes_a_gap_whose_parts_add_up(rows):
    heads, lines = cells(markdown.gaps_in_three(rows))
    assert heads[2:] == ["gap", "difficulty", "learnability", "shift"]
    assert [line[0] for line in lines] == [f"`{axis}=1`" for axis in CONTROLS for _ in LEARNED]
    for line, gap in zip(lines, gaps(rows), strict=True):
        numbers = [float(cell.split(" ")[0]) for cell in line[2:]]
        assert numbers[0] == pytest.approx(sum(numbers[1:]), abs=0.021)
        assert numbers[3] == pytest.approx(gap["shift"], abs=0.005)


def test_regimes_and_all_populations(rows):
    heads, lines = cells(markdown.by_regime(rows))
    assert heads == ["router", "training", "interpolation", "combinatorial", "extrapolation"]
    names = [line[0] for line in lines]
    assert names[:3] == [f"`{name}`" for name in LEARNED]
    assert sorted(names[3:]) == sorted(markdown.BESIDE.values())
    heads, lines = cells(markdown.over_all(rows))
    by_router = {line[0]: line for line in lines}
    assert by_router["optimum"][2] == "1.00"
    assert heads[3:] == ["beats the frozen loop", "beats the frozen optimum"]
    assert by_router["frozen loop"][3] == by_router["frozen optimum"][4] == "-"
    # in these rows it always beats it
    assert by_router["frozen optimum"][3] == "1.00"
    for cell in by_router["`ppo`"][3:]:
        assert 0 <= float(cell.partition(" ")[0]) <= 1


def test_regret_stands_beside_both_scores(rows):
    heads, lines = cells(markdown.regret_at_the_end(rows))
    assert heads == [
        *("axis", "router", "regret in training", "regret", "score", "from the frozen zero")
    ]
    found = {tuple(line[:2]): line[2:] for line in lines}
    loop = found["`hazard`", "`frozen-loop`"]
    # a score of 0.48 where the scale is 4, and 4.4 from the frozen zero
    assert loop[1].startswith("2.08")
    assert loop[2:] == ["0.48", f"{1 - 4 * 0.52 / 4.4:.2f}"]


def test_bounds_are_marked(rows):
    bounds = rows.with_columns(tier=pl.lit("bounds"))
    for make in (markdown.targets, markdown.gaps_in_three):
        assert make(bounds).count("†") == make(bounds).count("\n") - 1
        assert "†" not in make(rows)


def test_levels_stand_apart_from_what_nobody_trained_on(rows):
    """Each third has the figures of its part, for those who trained and the others."""
    level = (pl.col("router") == "ppo") & (pl.col("axis") == "hazard") & (pl.col("severity") == 1)
    known = level & (pl.col("trained_on") == "source")
    trained = rows.with_columns(
        trained_on=pl.when(known).then(pl.lit("level")).otherwise(pl.col("trained_on"))
    )
    heads, lines = cells(markdown.by_levels(trained))
    assert heads[1::2] == ["mean, 1 levels", "mean, 3 between levels", "mean, 32 elsewhere"]
    ours = {line[0]: line[1:] for line in lines}
    assert list(ours) == [f"`{name}`" for name in (*LEARNED, *markdown.FROZEN)]
    loop = rows.filter(pl.col("router") == "frozen-loop", pl.col("severity") > 0)
    loop = loop.filter(pl.col("trained_on") == "source").unique("target")
    hazard, most = pl.col("axis") == "hazard", pl.col("severity") == 1
    parts = [loop.filter(part)["regret"] for part in (hazard & most, hazard & ~most, ~hazard)]
    figures = [f"{x:.2f}" for part in parts for x in (part.mean(), part.max())]
    assert ours["`frozen-loop`"] == figures
    assert ours["`ppo`"][0] == ours["`ppo`"][1] != ours["`ppo`"][2]
    heads, lines = cells(markdown.over_all(trained))
    assert [line[0] for line in lines].count("`ppo`") == 1
    marked = [line for line in markdown.by_severity(trained).splitlines() if "‡" in line]
    (line,) = marked
    assert line.startswith("| `hazard` | `ppo` |")
    assert line.endswith("‡ |")


def test_environments_stand_under_one_another_with_the_figures_of_sentences(rows):
    there = rows.with_columns(environment=pl.lit("Carousel/Taste-v0"), tier=pl.lit("bounds"))
    heads, lines = cells(markdown.across(pl.concat([rows, there])))
    names = [f"`{name}`" for name in (*LEARNED, *markdown.FROZEN)]
    assert [line[1] for line in lines] == 2 * names
    first, second = lines[: len(names)], lines[len(names) :]
    assert {line[0] for line in second} == {"Taste†"}
    assert {line[0] for line in first} == {"Boredom"}
    assert [line[1:] for line in first] == [line[1:] for line in second]
    router = next(iter(LEARNED))
    assert dict(zip(heads[2:], first[0][2:], strict=True)) == {
        "score in training": claims.score(rows, router, "hazard", "0"),
        "worst tenth": claims.worst_tenth(rows, router),
        "mean regret": claims.mean_regret(rows, router),
        "more regret in training": claims.more_regret(rows, router, "frozen-optimal", "training"),
        "more regret": claims.more_regret(rows, router, "frozen-optimal"),
        "falls differ by": claims.apart(rows, router, "frozen-optimal"),
        "correlation": claims.likeness(rows, router, "frozen-optimal"),
    }
    assert first[names.index("`frozen-optimal`")][5:] == ["-"] * 4


def test_levels_stand_beside_the_same_way_of_learning_without(rows):
    """PPO on one level, with masks, beside PPO."""
    own = rows.filter(pl.col("router") == "ppo", pl.col("trained_on") == "source")
    level = (pl.col("axis") == "hazard") & (pl.col("severity") == 1)
    masked = own.with_columns(
        router=pl.lit("maskable-ppo.levels"),
        algorithm=pl.lit("maskable-ppo"),
        regret=pl.col("regret") + 0.5,
        trained_on=pl.when(level).then(pl.lit("level")).otherwise(pl.lit("source")),
    )
    assert cells(markdown.by_training_on_levels(rows))[1] == []
    heads, (line,) = cells(markdown.by_training_on_levels(pl.concat([rows, masked])))
    assert line[:3] == ["Boredom", "`maskable-ppo.levels`", "`ppo`"]
    assert [cell[:4] for cell in line[3:]] == ["0.50"] * 5
    assert heads[3:] == [
        *("in training", "levels", "levels, nobody missing", "between levels", "elsewhere"),
    ]
