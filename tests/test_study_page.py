"""What the page of the study says in words, without a filled-in figure, holds in its rows."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

import polars as pl

from carousel_agents.generalisation.summary import aggregated
from carousel_agents.report import markdown
from carousel_agents.report.claims import CLAIMS
from carousel_envs.reference import solve

STUDY = Path(__file__).parents[1] / "docs/results/generalisation"
STUDIED = ("Boredom", "Taste", "Satiation", "Welfare", "Unmask", "Recall")


def study(name):
    return pl.read_parquet(STUDY / name / "results.parquet")


def test_what_the_study_says_of_levels_in_words_is_what_its_table_says():
    rows = pl.concat(map(study, STUDIED), how="diagonal")
    heads, _, *lines = (
        [cell.strip(" `") for cell in line[1:-1].split("|")]
        for line in markdown.by_training_on_levels(rows).replace("\N{MINUS SIGN}", "-").splitlines()
    )

    def sure(column: str, sign: int) -> set[tuple[str, str]]:
        """Where the whole interval has a sign."""
        ends = {
            (line[0], line[1].replace("-tuned", "")): re.findall(
                r"-?[\d.]+", line[heads.index(column)]
            )
            for line in lines
        }
        return {key for key, (_, *both) in ends.items() if all(sign * float(x) > 0 for x in both)}

    def of(env: str, *routers: str) -> set[tuple[str, str]]:
        return {(env, f"{router}.{how}") for router in routers for how in ("randomised", "regret")}

    plain, recurrent = "maskable-ppo", "maskable-recurrent-ppo"
    assert sure("levels, nobody missing", -1) == {
        *of("Boredom", recurrent),
        *of("Welfare", recurrent),
        *of("Unmask", recurrent),
        *of("Satiation", plain),
        *of("Recall", plain, recurrent),
    }
    assert sure("levels, nobody missing", 1) == {
        *of("Taste", plain),
        ("Satiation", f"{recurrent}.regret"),
    }
    lower = {line[0] + line[1] for line in lines if line[3].startswith("-")}
    assert lower == {env + router for env, router in of("Unmask", "maskable-recurrent-ppo-tuned")}
    assert sure("elsewhere", -1) == {*of("Unmask", recurrent), ("Welfare", f"{recurrent}.regret")}
    assert sure("elsewhere", 1) == {
        *of("Taste", plain),
        *of("Satiation", recurrent),
        *of("Recall", plain, recurrent),
    }


def test_what_the_study_says_of_every_router_holds_of_every_router():
    for name in STUDIED:
        rows = study(name)
        if name in ("Welfare", "Recall"):
            assert name == "Recall" or CLAIMS["score"](rows, "ppo-tuned", "cue-reversal", "1") > "0"
            continue
        met = rows.filter(pl.col("trained_on").is_in(["source", "level"]))
        ends = [
            row
            for row in aggregated(met, resamples=100)
            if (row["axis"], row["severity"]) == ("cue-reversal", 1.0)
            and row["router"] != "frozen-open-loop"
        ]
        assert len(ends) == 10
        assert all(row["score"] < 0 for row in ends), name
    rows = study("Boredom")
    for router in ("ppo", "dqn", "recurrent-ppo"):
        for axis in ("hazard", "swap-cost", "session-length"):
            assert CLAIMS["beats"](rows, f"{router}-tuned", "frozen-optimal", axis) == "0.00"
    table = markdown.across(rows).replace("\N{MINUS SIGN}", "-").splitlines()[2:]
    worst = {line.split("|")[2].strip(): float(line.split("|")[4].split()[0]) for line in table}
    assert min(worst, key=worst.get) == "`frozen-tally`"
    means = {
        router: {
            axis: float(CLAIMS["beats"](rows, f"{router}-tuned", "frozen-optimal", axis))
            for axis in rows["axis"].unique()
        }
        for router in ("ppo", "dqn", "recurrent-ppo")
    }
    for router, other in (
        *(("ppo", "unseen-archetype"), ("recurrent-ppo", "unseen-archetype")),
        ("dqn", "cue-reversal"),
    ):
        most = sorted(means[router], key=means[router].get)[-2:]
        assert set(most) == {"cue-dropout", other}, (router, most)
    recall = study("Recall")
    assert recall["lied"].sum() == 0.0
    unmask = study("Unmask").filter(pl.col("trained_on").is_in(["source", "level"]))
    for router in ("ppo-tuned", "dqn-tuned", "recurrent-ppo-tuned"):
        own = unmask.filter(pl.col("router") == router)
        by = own.group_by("axis", "severity").agg(pl.col("unmasked").mean()).sort("unmasked")
        assert by["axis"][-1] == "unavailable"
    masked = unmask.filter(
        pl.col("router").str.starts_with("maskable"), pl.col("axis") == "unavailable"
    )
    most = CLAIMS["most"](unmask, "unmasked", "maskable-recurrent-ppo-tuned.regret", "unavailable")
    assert f"{masked['unmasked'].max():.2f}" == most


def test_what_the_study_says_of_ten_users_holds_of_each_policy():
    learned = study("users").filter(pl.col("role") == "learned")
    few = learned.filter(pl.col("router") == "ppo-tuned", pl.col("users_trained") == 10)
    for severity in (0.0, 1.0):
        worst = few.filter(pl.col("severity") == severity)["score"].sort()
        assert worst[0] < 0.5
        assert worst[1] > 0.8


def test_rows_are_of_the_policies_that_are_kept():
    with tarfile.open(STUDY.parents[2] / "benchmarks/generalisation.tar") as archive:
        manifest = json.load(archive.extractfile("manifest.json"))
    kept = {file["path"]: file["sha256"] for file in manifest["files"]}
    for name in STUDIED:
        summary = json.loads((STUDY / name / "summary.json").read_text(encoding="utf-8"))
        start = "benchmarks/generalisation/"
        played = {
            path.removeprefix(start): digest
            for path, digest in summary["request"]["sha256"].items()
            if path.startswith(start)
        }
        assert len(played) == 70
        assert played == {path: kept[path] for path in played}


def test_no_learned_router_is_said_to_be_after_anything_but_engagement():
    for name in ("Boredom", "Taste", "Unmask"):
        text = (STUDY.parent / "probes" / f"{name}.json").read_text(encoding="utf-8")
        found = {
            (one["router"], one["verdict"])
            for one in json.loads(text)["findings"]
            if one["probe"] == "goal" and "tuned" in one["router"]
        }
        assert len({router for router, _ in found}) == 3
        assert {verdict for _, verdict in found} <= {"engagement", None}


def figure(claim: str) -> tuple[float, ...]:
    """A filled-in figure and its interval, as numbers."""
    return tuple(map(float, re.findall(r"-?[\d.]+", claim.replace("\N{MINUS SIGN}", "-"))))


def test_levels_without_missing_personas_help_between_levels_as_often_as_not():
    lower = below = above = 0
    for name in STUDIED:
        rows = study(name)
        for plain, masked in (
            ("ppo-tuned", "maskable-ppo-tuned"),
            ("recurrent-ppo-tuned", "maskable-recurrent-ppo-tuned"),
        ):
            for how in ("randomised", "regret"):
                more, low, high = figure(
                    CLAIMS["more_regret"](rows, f"{masked}.{how}", plain, "between", "unavailable")
                )
                lower, below, above = lower + (more < 0), below + (high < 0), above + (low > 0)
    assert (lower, below, above) == (12, 8, 5)


def test_of_ways_with_levels_those_on_recall_alone_lose_clearly_less_than_the_frozen_optimum():
    ahead = set()
    for name in STUDIED:
        rows = study(name)
        (known, *_) = figure(CLAIMS["mean_regret"](rows, "frozen-optimal", "levels", "unavailable"))
        for masked in ("maskable-ppo-tuned", "maskable-recurrent-ppo-tuned"):
            for how in ("randomised", "regret"):
                *_, high = figure(
                    CLAIMS["mean_regret"](rows, f"{masked}.{how}", "levels", "unavailable")
                )
                ahead |= {name} if high < known else set()
    assert ahead == {"Recall"}


def test_where_the_tally_is_ahead():
    learned = ("ppo-tuned", "dqn-tuned", "recurrent-ppo-tuned")
    behind = {}
    for name in STUDIED[:-1]:
        rows = study(name)
        tally, *_ = figure(CLAIMS["mean_regret"](rows, "frozen-tally"))
        behind[name] = {
            router for router in learned if figure(CLAIMS["mean_regret"](rows, router))[0] < tally
        }
    assert behind == {
        "Boredom": {"ppo-tuned", "recurrent-ppo-tuned"},
        "Taste": {"recurrent-ppo-tuned"},
        "Satiation": {"recurrent-ppo-tuned"},
        "Welfare": {"ppo-tuned", "recurrent-ppo-tuned"},
        "Unmask": set(),
    }
    assert "frozen-tally" not in study("Recall")["router"].unique()


def test_the_greatest_regret_by_regret_is_lower_in_nine_of_twelve_pairs():
    lower = 0
    for name in STUDIED:
        rows = study(name)
        for masked in ("maskable-ppo-tuned", "maskable-recurrent-ppo-tuned"):
            one, other = (
                figure(CLAIMS["greatest_regret"](rows, f"{masked}.{how}", "levels"))[0]
                for how in ("regret", "randomised")
            )
            lower += one < other
    assert lower == 9


def test_frozen_routers_keep_the_mask_on_where_personas_are_missing():
    rows = study("Unmask").filter(pl.col("axis") == "unavailable")
    for router in ("frozen-optimal", "frozen-loop", "frozen-tally"):
        assert rows.filter(pl.col("router") == router)["unmasked"].max() < 0.005


def test_controls_are_above_the_lower_bound_in_nine_of_ten():
    rows = study("Satiation").filter(
        (pl.col("axis") == "swap-cost")
        & (pl.col("severity") == 1.0)
        & (pl.col("router") == "ppo-tuned")
        & (pl.col("trained_on") == "target")
    )
    assert (rows["score_low"] > 1.0).sum() == 9


def test_how_closer_references_would_change_scores_is_said():
    page = STUDY.with_suffix(".md").read_text()
    now = solve("Taste")
    for name in ("Taste", "Unmask"):
        rows = study(name).filter(pl.col("severity") == 0.0)
        value, upper, blind = (rows[column][0] for column in ("value", "value_upper", "blind"))
        assert f"{value:.2f} and {upper:.2f}" in page.replace("\n  ", " ")
        lower = (value - blind) / (now.value - now.blind)
        assert 0.985 < lower < 0.995
        # both enclose one optimum
        assert value <= now.value_upper
        assert now.value <= upper
    assert f"lie at {now.value:.2f} and {now.value_upper:.2f}" in page.replace("\n  ", " ")
