"""The table of a store: what it says follows from its runs, and nothing stands there alone."""

import json
import shutil
from dataclasses import replace

import pytest

from carousel_agents.benchmark import table as tables
from carousel_agents.benchmark.markdown import brief, cells, heads, markdown
from carousel_agents.benchmark.store import RunStore
from carousel_agents.benchmark.table import table
from carousel_agents.generalisation import beside
from carousel_agents.generalisation.statistics import interval, iqm
from carousel_agents.learning.levels import Levels
from carousel_agents.learning.view import View
from carousel_envs import CarouselError
from carousel_envs.reference import solve
from carousel_envs.reference.known_user.memoryless import best_memoryless
from support.filled import files, filled, run

HISTORY = View(history=8)
RUNS = (
    *(run(seed, curve=4) for seed in range(3)),
    run(0, curve=4, view=HISTORY),
    *(run(seed, curve=4, algorithm="a2c", environment="Carousel/Taste-v0") for seed in range(2)),
    run(0, curve=4, algorithm="trpo", environment="Carousel/Recall-v0"),
)
LUCK = 0.3


def edit(store, which, **changes):
    """Let a run have come out otherwise: keys are score, curve (scores), seconds.

    The curve's sessions are worth `LUCK` less than those of the evaluation, as others may be.
    """
    folder = store.folder(which)
    record = folder.record()
    reference = solve(run().population)
    value, blind = reference.value, reference.blind
    record["evaluation"]["engagement"] = blind + changes["score"] * (value - blind)
    n, seconds = len(changes["curve"]), changes["seconds"]
    record["training"]["seconds"] = seconds
    record["training"]["curve"] = [
        {"steps": i, "seconds": seconds * i / n, "engagement": blind + (s - LUCK) * (value - blind)}
        for i, s in enumerate(changes["curve"], 1)
    ]
    folder.write(record)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store")
    filled(path, *RUNS, run(100), command="carousel grid x.toml --out runs")
    store = RunStore(path)
    edit(store, RUNS[0], score=0.9, curve=[0.1, 0.5, 0.9, 0.9], seconds=8.0)
    edit(store, RUNS[1], score=0.95, curve=[0.2, 0.4, 0.6, 0.95], seconds=4.0)
    edit(store, RUNS[2], score=0.7, curve=[0.5, 0.6, 0.65, 0.7], seconds=16.0)
    edit(store, RUNS[3], score=0.99, curve=[1.0, 0.9, 0.9, 0.99], seconds=4.0)
    return store


@pytest.fixture(scope="module")
def document(store):
    return table(store, "carousel table runs --json")


def rows(document, environment):
    found = {e["environment"]: e for e in document["environments"]}
    return {row["router"]: row for row in found[f"Carousel/{environment}-v0"]["rows"]}


def test_a_learned_score_is_the_interquartile_mean_over_seeds_with_its_interval(document):
    row = rows(document, "Boredom")["ppo"]
    scores = [0.9, 0.95, 0.7]
    assert row["score"] == pytest.approx(iqm(scores))
    assert (row["score_low"], row["score_high"]) == pytest.approx(interval([scores]))
    assert (row["seeds"], row["steps"], row["sees"]) == (3, 10_240, "present")
    assert row["scores"] == pytest.approx(scores)


def test_routers_that_differ_in_levels_alone_stand_side_by_side(tmp_path):
    uniform, regret = (Levels(("hazard=1",), name) for name in ("uniform", "regret"))
    filled(tmp_path, run(0), run(0, levels=uniform), run(0, levels=regret))
    (boredom,) = table(RunStore(tmp_path), "")["environments"]
    learned = {row["router"] for row in boredom["rows"] if row["kind"] == "learned"}
    assert learned == {"ppo", "ppo-randomised", "ppo-regret"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"levels": Levels(("hazard=1",))}, {"levels": Levels(("fit=1",))}),
        ({"label": "x"}, {"label": "x", "levels": Levels(("hazard=1",))}),
        ({"label": "x", "levels": Levels(("hazard=1",))}, {"label": "x"}),
    ],
)
def test_seeds_of_a_router_were_trained_on_the_same_levels(tmp_path, one, other):
    filled(tmp_path, run(0, **one), run(1, **other))
    with pytest.raises(CarouselError, match="cannot stand in one table: levels"):
        table(RunStore(tmp_path), "")


def test_no_learned_score_stands_without_the_five(document):
    for name, row in (
        *(("Boredom", which) for which in ("ppo", "ppo-history8")),
        *(("Taste", "a2c"), ("Recall", "trpo")),
    ):
        found = rows(document, name)
        population = run(environment=f"Carousel/{name}-v0").population
        assert found[row]["kind"] == "learned"
        for companion in beside(population, 50, 1):
            there = found[companion["router"]]
            assert there["kind"] == "scripted"
            assert {key: there[key] for key in ("score", "score_low", "score_high", "reason")} == {
                key: companion[key] for key in ("score", "score_low", "score_high", "reason")
            }
    assert rows(document, "Recall")["loop"]["score"] is None
    assert "no" in rows(document, "Recall")["loop"]["reason"]


def test_seconds_to_a_share_of_the_final_score_are_interpolated_and_their_median_shown(document):
    # 0.81 between 4 s (0.5) and 6 s (0.9), 0.855 between 3 s (0.6) and 4 s (0.95), 0.63 between 8 s
    # (0.6) and 12 s (0.65)
    by_hand = [4 + 2 * 0.31 / 0.4, 3 + 0.255 / 0.35, 8 + 4 * 0.03 / 0.05]
    row = rows(document, "Boredom")["ppo"]
    assert row["seconds_to_own"] == pytest.approx(sorted(by_hand)[1])
    assert row["reached_own"] == 3
    at_once = rows(document, "Boredom")["ppo-history8"]
    assert at_once["seconds_to_own"] == 1.0, "nothing is known before the first point"
    # what learnt nothing does not arrive quickly at 90 % of it
    taste = rows(document, "Taste")["a2c"]
    assert max(taste["scores"]) < 0.1
    assert (taste["seconds_to_own"], taste["reached_own"]) == (None, 0)


def test_the_best_known_score_is_that_of_the_class(document):
    boredom, taste, recall = document["environments"]
    best = solve(run().population).score(best_memoryless(run().population)[0])
    assert boredom["best_known"] == {
        "present": {"score": best, "source": "memoryless"},
        "past": {"score": 1.0, "source": "the reference"},
    }
    present = taste["best_known"]["present"]
    assert present["score"] == max(rows(document, "Taste")["a2c"]["scores"])
    assert present["source"].startswith("Taste/a2c/seed-")
    assert recall["best_known"]["present"]["source"] == "Recall/trpo/seed-0"
    # 95 % of 0.962 is 0.914, which one seed of three reaches
    row = rows(document, "Boredom")["ppo"]
    assert (row["seconds_to_best"], row["reached_best"]) == (None, 1)
    past = rows(document, "Boredom")["ppo-history8"]
    assert (past["seconds_to_best"], past["reached_best"], past["sees"]) == (1.0, 1, "past")


@pytest.mark.parametrize("algorithm", ["recurrent-ppo", "maskable-recurrent-ppo"])
def test_who_remembers_sees_the_past(tmp_path, algorithm):
    """Else the best score known of routers that see the present would be that of a memory."""
    filled(tmp_path, run(0, algorithm=algorithm), run(0))
    (boredom,) = table(RunStore(tmp_path), "")["environments"]
    sees = {row["algorithm"]: row["sees"] for row in boredom["rows"] if row["kind"] == "learned"}
    assert sees == {algorithm: "past", "ppo": "present"}
    assert boredom["best_known"]["present"]["source"] == "memoryless"


def test_frames_per_second_are_the_median_over_seeds(document):
    assert rows(document, "Boredom")["ppo"]["frames_per_second"] == 10_240 / 8.0


def test_the_document_says_how_it_came_to_be(document, store):
    record = store.folder(RUNS[0]).record()
    assert document["commands"] == [
        "carousel grid x.toml --out runs",
        "carousel table runs --json",
    ]
    assert document["versions"] == record["versions"]
    assert document["machines"] == [record["machine"]]
    assert (document["users"], document["seed"], document["unfinished"]) == (50, 1, 1)
    assert json.loads(json.dumps(document)) == document


def test_the_same_store_gives_the_same_document(document, store):
    before = files(store.path)
    assert table(store, "carousel table runs --json") == document
    assert files(store.path) == before


def test_best_scores_come_first_and_what_has_none_last(document):
    for environment in document["environments"]:
        scores = [row["score"] for row in environment["rows"]]
        known = [score for score in scores if score is not None]
        assert known == sorted(known, reverse=True)
        assert scores[: len(known)] == known
        for row in environment["rows"]:
            assert tuple(row) == tables.ROW


def test_markdown_shows_every_row_and_every_reason(document):
    text = markdown(document)
    for environment in document["environments"]:
        for row in environment["rows"]:
            line = "| " + " | ".join(cells(row, code="`")).replace(",", " ") + " |"
            assert line in text
            assert len(cells(row)) == len(heads())
    assert "\n\nLoop: router 'loop' needs users with moods" in text
    assert "1 more runs were not finished" in text
    assert "| `ppo`* | present | 0.875 | 0.700 to 0.950 | 1 280 | 5.5 | - | 3 | 10 240 |" in text
    assert brief(rows(document, "Boredom")["ppo"])[:4] == ["ppo*", "0.875", "0.700", "0.950"]


def test_speedups_are_a_column_of_their_own(document):
    text = markdown(document, {"ppo": 21.04})
    ppo, a2c = (next(x for x in text.splitlines() if f"`{n}`" in x) for n in ("ppo", "a2c"))
    assert heads({})[5] == "x library default"
    assert ppo.split(" | ")[5] == "21.0"
    assert a2c.split(" | ")[5] == "-"


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"users": 51}, r"evaluation\.users is 50 in one and 51 in the other"),
        (
            {"steps": 99_999},
            r"cannot stand in one table: settings\.steps is 10240 in one and 99999",
        ),
        ({"curve": 3}, "ppo/seed-0 and Boredom/ppo/seed-1 cannot stand in one table: curve is 2 "),
    ],
)
def test_what_does_not_compare_stands_in_no_table(tmp_path, other, sentence):
    filled(tmp_path, run(0), replace(run(1), **other))
    with pytest.raises(CarouselError, match=sentence):
        table(RunStore(tmp_path), "")


def test_changed_users_stand_in_a_table_of_their_own_with_a_reference_of_their_own(tmp_path):
    target = replace(RUNS[0], shifts=("hazard=1",))
    filled(tmp_path, RUNS[0], target)
    plain, shifted = table(RunStore(tmp_path), "x")["environments"]
    assert (plain["name"], shifted["name"]) == ("Boredom", "Boredom@hazard=1")
    assert shifted["population_fingerprint"] == target.population.fingerprint
    assert shifted["value"] == solve(target.population).value < plain["value"]
    assert [len([r for r in e["rows"] if r["kind"] == "learned"]) for e in (plain, shifted)] == [
        1,
        1,
    ]


def test_a_run_that_lies_there_twice_stands_in_no_table(tmp_path):
    filled(tmp_path, RUNS[0])
    folder = RunStore(tmp_path).folder(RUNS[0]).path
    shutil.copytree(folder, folder.with_name("seed-9"))
    with pytest.raises(CarouselError, match="holds Boredom/ppo/seed-0 twice"):
        table(RunStore(tmp_path), "x")


def test_a_run_on_other_users_stands_in_no_table(tmp_path):
    filled(tmp_path, run())
    folder = RunStore(tmp_path).folder(run())
    record = folder.record()
    record["request"]["population"] = "0123456789abcdef"
    folder.write(record)
    with pytest.raises(CarouselError, match="Boredom/ppo/seed-0 was trained on other users"):
        table(RunStore(tmp_path), "")
