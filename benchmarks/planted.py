"""Probes asked about routers whose making is known: goals, beliefs, views, forecasts.

    python benchmarks/planted.py                   a table; an hour and a half
    python benchmarks/planted.py --each 4          fewer routers of each kind
    python benchmarks/planted.py --only goal       one probe

Every row says what was asked of how many routers, and how often the answer was right. Routers and
sessions follow from seeds, so the same machine gives the same table.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from carousel_agents.probes import probe
from carousel_agents.probes.planted import KINDS, planted
from carousel_envs import Population

ENVIRONMENTS = ("Boredom", "Taste")
SESSIONS = 1000


def goals(env: str, each: int) -> dict[str, Any]:
    """Sets of goals of planners, and abstention on mixtures."""
    users = Population.preset(env)
    sets, held, abstained = [], 0, 0
    for seed in range(each):
        router = planted(users, "planner", seed)
        found = probe("goal", router, users, sessions=SESSIONS)
        if found.verdict is None:
            abstained += 1
            continue
        names = found.verdict.split(" or ")
        sets.append(len(names))
        held += router.truth["goal"] in names
    mixed = [
        probe("goal", planted(users, "mixture", s), users, sessions=SESSIONS) for s in range(each)
    ]
    return {
        "probe": "goal",
        "env": env,
        "planners": each,
        "committed": len(sets),
        "holds the planted goal": held / max(len(sets), 1),
        "mean size": float(np.mean(sets)) if sets else None,
        "abstained on planners": abstained / each,
        "abstained on mixtures": sum(one.verdict is None for one in mixed) / each,
    }


def beliefs(env: str, each: int) -> dict[str, Any]:
    """Hazards that loops were solved for, with their own thresholds."""
    users = Population.preset(env)
    wrong, verdicts = [], 0
    for seed in range(each):
        from carousel_agents.router import make

        factor = 2.0 ** np.random.default_rng(seed).uniform(-1.0, 1.0)
        believed = users.replace(boredom_hazard=factor * users.boredom_hazard)
        found = probe("world-model", make("frozen-loop", users, believed), users, sessions=SESSIONS)
        wrong.append(abs(found.estimates["hazard"].value / factor - 1.0))
        verdicts += found.verdict is not None
    return {
        "probe": "world-model",
        "env": env,
        "loops": each,
        "within 15 %": float(np.mean(np.array(wrong) <= 0.15)),
        "mean relative error": float(np.mean(wrong)),
        "committed": verdicts / each,
    }


def _never_swaps(env: str) -> tuple[str, ...]:
    """Where every persona suits everybody, the operating system has no reason to."""
    return ("simulation",) if env == "Boredom" else ()


def forecasts(env: str, each: int) -> dict[str, Any]:
    """Scores of routers of every kind on every axis."""
    users = Population.preset(env)
    errors, training, loop, covered = [], [], [], []
    kinds = [kind for kind in KINDS if kind not in _never_swaps(env)]
    for kind in kinds:
        for seed in range(each):
            found = probe("forecast", planted(users, kind, seed), users, sessions=SESSIONS)
            for row in found.rows:
                if row["forecast"] is not None and row["came"] is not None:
                    errors.append(abs(row["forecast"] - row["came"]))
                    training.append(abs(row["as_training"] - row["came"]))
                    loop.append(abs(row["as_loop"] - row["came"]))
                    covered.append(row["low"] <= row["came"] <= row["high"])
            print(
                json.dumps(
                    {
                        "kind": kind,
                        "seed": seed,
                        "error": found.estimates["error"].value,
                        "covered": found.estimates["covered"].value,
                    }
                ),
                flush=True,
            )
    return {
        "probe": "forecast",
        "env": env,
        "routers": len(kinds) * each,
        "conditions": len(errors),
        "mean absolute error": float(np.mean(errors)),
        "median": float(np.median(errors)),
        "as in training": float(np.mean(training)),
        "as the frozen loop": float(np.mean(loop)),
        "90 % intervals hold": float(np.mean(covered)),
    }


VIEWS = {
    "operating system": ("schedule", "simulation"),
    "cue pattern": ("pattern", "lapsing-pattern"),
    "threshold on a belief": ("loop", "lapsing"),
    "optimiser of engagement": ("optimiser", "masked"),
    "optimiser of another goal": ("other",),
    "none": ("mixture", "reversed"),
}
"""Views, and the kinds of planted router that have them, drawn in turn."""
CONDITIONS = ("sure", "enough", "differ")
"""Estimates on which a verdict of `view` depends."""


def views(env: str, each: int) -> dict[str, Any]:
    """Verdicts about routers of every view: shares by what was planted (confusion), and by the
    verdict, all views being as frequent (inversion)."""
    users = Population.preset(env)
    counts = {view: dict.fromkeys(VIEWS, 0) for view in VIEWS}
    rows = []
    for view, kinds in VIEWS.items():
        for seed in range(each):
            allowed = [one for one in kinds if one not in _never_swaps(env)]
            router = planted(users, allowed[seed % len(allowed)], seed)
            found = probe("view", router, users, sessions=SESSIONS)
            counts[view][found.verdict or "none"] += 1
            row = {"kind": router.kind, "seed": seed, **router.truth, "verdict": found.verdict}
            # with too few exceptions to a rule there is no "differ"
            row |= {name: one.value for name, one in found.estimates.items() if name in CONDITIONS}
            rows.append({**row, "reason": found.reason})
            print(json.dumps(rows[-1]), flush=True)
    named = [view for view in VIEWS if view != "none"]
    committed = sum(counts[view][name] for view in VIEWS for name in named)
    right = sum(counts[view][view] for view in named)
    columns = {name: sum(counts[view][name] for view in VIEWS) for name in VIEWS}
    return {
        "probe": "view",
        "env": env,
        "routers": each * len(VIEWS),
        "right where it commits": right / max(committed, 1),
        "abstained on one of the views": sum(counts[view]["none"] for view in named)
        / (each * len(named)),
        "abstained on none of the views": counts["none"]["none"] / each,
        "confusion": {view: {n: k / each for n, k in row.items()} for view, row in counts.items()},
        "inversion": {
            name: {view: counts[view][name] / columns[name] for view in VIEWS}
            for name in VIEWS
            if columns[name]
        },
    }


ASKED = {"goal": goals, "world-model": beliefs, "view": views, "forecast": forecasts}


def main() -> None:
    """Ask all, and print a line of JSON per probe and environment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=20, help="routers of each kind")
    parser.add_argument("--only", choices=ASKED, action="append")
    parser.add_argument("--env", choices=ENVIRONMENTS, action="append")
    given = parser.parse_args()
    for name in given.only or ASKED:
        for env in given.env or ENVIRONMENTS:
            print(json.dumps(ASKED[name](env, given.each)), flush=True)


if __name__ == "__main__":
    main()
