"""Studies as `carousel generalise` writes them, made up from a rule: nothing here was played."""

import json
import math
import zlib

import numpy as np
import polars as pl

from carousel_agents.generalisation.schema import SCHEMA

SEVERITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
USERS_TRAINED = (10, 100, 1000, 10_000)
AXES = {
    # name: kind, regime, how fast a learned and a frozen router lose score, nats at severity 1
    "hazard": ("mechanism", "extrapolation", 0.6, 0.5, 4.0),
    "cue-noise": ("observation", "extrapolation", 0.5, 0.4, 9.0),
    "cue-reversal": ("concept", "extrapolation", 2.6, 2.4, 60.0),
    "swap-cost": ("mechanism", "extrapolation", 0.5, 0.7, 0.0),
    "patience": ("horizon", "extrapolation", 0.05, 0.02, None),
    "session-length": ("horizon", "extrapolation", 0.1, 0.05, None),
    "archetype-mix": ("covariate", "interpolation", 0.1, 0.06, 0.4),
    "unavailable": ("repertoire", "interpolation", 0.3, 0.1, 1.5),
    "hazard+cue-noise": ("mechanism", "combinatorial", 0.9, 0.8, 13.0),
}
CONTROLS = ("hazard", "cue-noise", "cue-reversal", "swap-cost")
LEARNED = {"ppo": 0.93, "dqn": 0.86, "rppo-history8": 0.96}
WITHOUT_DISTANCE = "session length differs, so whole sessions cannot be compared"
SMALL = {"routers": ("ppo",), "seeds": 3, "axes": ("hazard", "patience", "hazard+cue-noise")}
BOREDOM, TASTE = "Carousel/Boredom-v0", "Carousel/Taste-v0"


def target(axis, severity):
    return f"{zlib.crc32(f'{axis} {severity}'.encode()):08x}" if severity else "5072ce00"


def base(environment, axis, severity):
    """What all routers share under one condition."""
    kind, regime, *_, nats = AXES.get(axis, ("covariate", "training", 0.0, 0.0, 0.0))
    exact = environment != TASTE
    value = (24.0 if exact else 18.0) - 2.0 * severity
    apart = {"distance_note": WITHOUT_DISTANCE}
    if nats is not None or severity == 0:
        nats = nats or 0.0
        apart = {"distance_nats": nats * severity**2, "distance_se": 0.02 * nats * severity}
    return {
        "environment": environment,
        "axis": axis,
        "kind": kind,
        "regime": "training" if severity == 0 else regime,
        "severity": severity,
        "source": "5072ce00",
        "target": target(axis, severity),
        "distance_note": "",
        **apart,
        "tier": "exact" if exact else "bounds",
        "value": value,
        "value_upper": value if exact else value + 0.3,
        "blind": value - 4.0,
        "frozen_blind": value - 4.0 - 0.4 * severity,
        "best_fixed": value - 7.0,
        "uniform": value - 19.0,
        "users": 2000,
        "seed": 0,
    }


def played(shared, router, role, score, **more):
    """A row: the score decides the rest."""
    engagement = shared["blind"] + score * (shared["value"] - shared["blind"])
    return {
        **shared,
        "router": router,
        "role": role,
        "policy": router,
        "score": score,
        "score_low": score - 0.02,
        "score_high": score + 0.02,
        "score_at_least": score,
        "score_from_frozen_blind": 1.0
        - (shared["value"] - engagement) / (shared["value"] - shared["frozen_blind"]),
        "regret": shared["value"] - engagement,
        "regret_at_most": shared["value_upper"] - engagement,
        "engagement": engagement,
        "engagement_se": 0.04,
        "session_length": 38.0 + score,
        "left": 0.25,
        "swaps": 2.0 + abs(score),
        "refused": 0.0,
        **more,
    }


def learned(shared, router, seed, score, trained_on="source", users=10_000, overlap=None):
    whom = f"target-{shared['target']}" if trained_on == "target" else "source"
    policy = f"policies/{router}/{whom}-{users}/seed-{seed}.safetensors"
    return played(
        shared,
        router,
        "learned",
        score,
        algorithm=router.partition("-")[0],
        training_seed=seed,
        policy=policy,
        trained_on=trained_on,
        users_trained=users,
        overlap=overlap,
    )


def noise(*key, size=0.02):
    """The same luck for the same key."""
    return float(np.random.default_rng(zlib.crc32(repr(key).encode())).normal(0.0, size))


def companions(shared, axis, severity):
    frozen = 0.98 - AXES[axis][3] * severity
    rows = [
        played(shared, "frozen-loop", "frozen", frozen, trained_on="source"),
        played(shared, "frozen-optimal", "frozen", frozen + 0.02, trained_on="source"),
        played(shared, "frozen-tally", "frozen", frozen - 0.05, trained_on="source"),
        played(shared, "frozen-open-loop", "frozen", -0.1 * severity, trained_on="source"),
        played(shared, "optimal", "optimal", 1.0),
        played(shared, "uniform", "baseline", -4.75),
        played(shared, "fixed", "baseline", -0.75),
    ]
    if severity == 0:
        rows += [played(shared, "open-loop", "baseline", 0.0)]
        rows += [played(shared, "loop", "baseline", 0.98)]
        rows += [played(shared, "tally", "baseline", 0.93)]
    return rows


def users_rows(environment, router, seeds):
    """Severity 0: users of training, fifty at most; severity 1: new ones, the same for all."""
    rows = []
    for n in USERS_TRAINED:
        for severity, overlap in ((0.0, min(n, 50)), (1.0, 0)):
            shared = base(environment, "users", severity) | {
                "regime": "interpolation" if severity else "training",
                "target": "00000002" if severity else f"1{min(n, 50):07d}",
            }
            for seed in range(seeds):
                kept = LEARNED[router] + noise("users", router, seed, n)
                fitted = 0.5 / math.sqrt(n / 10)
                score = kept - fitted if severity else kept + 0.02 * fitted
                rows.append(learned(shared, router, seed, score, users=n, overlap=overlap))
            if router == "ppo":
                # once for all routers of the same training users
                own = {"trained_on": "source", "users_trained": n, "overlap": overlap}
                rows.append(played(shared, "frozen-loop", "frozen", 0.98, **own))
    return rows


def study_rows(environment=BOREDOM, routers=tuple(LEARNED), seeds=10, axes=tuple(AXES)):
    """Every row of a study, as dicts of `schema.COLUMNS`."""
    rows = []
    for axis in axes:
        for severity in SEVERITIES:
            shared = base(environment, axis, severity)
            for router in routers:
                for seed in range(seeds):
                    start = LEARNED[router] + noise(environment, router, seed)
                    fall = AXES[axis][2] * severity * (1 + noise(axis, router, seed, size=0.2))
                    rows.append(learned(shared, router, seed, start - fall))
                    if axis in CONTROLS and severity == 1:
                        rows.append(learned(shared, router, seed, start - 0.05, "target"))
            rows += companions(shared, axis, severity)
    for router in routers:
        rows += users_rows(environment, router, seeds)
    return rows


def study_summary(environment=BOREDOM, axes=tuple(AXES), **more):
    return {
        "environment": environment,
        "command": f"carousel generalise policies/ppo {environment} --out runs/study --seed 0",
        "created": "2026-03-02T14:05:11Z",
        "versions": {"persona-carousel": "0.1.0", "python": "3.11.7"},
        "population": {"fit": 1.0, "personas": ["alice", "bob"]},
        "population_fingerprint": "5072ce00",
        "users": 2000,
        "seed": 0,
        "severities": list(SEVERITIES),
        "axes": [
            {"name": axis, "kind": AXES[axis][0], "description": f"more {axis}"} for axis in axes
        ],
        "not_applicable": {"farewells": "nobody says goodbye"},
        "left_out": [{"router": "whittle", "reason": "nobody tires of a persona"}],
        **more,
    }


def frame(rows):
    return pl.DataFrame(rows, schema=SCHEMA)


def write_study(folder, rows=None, summary=None):
    """A folder as `carousel generalise --out` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    frame(study_rows() if rows is None else rows).write_parquet(folder / "results.parquet")
    text = json.dumps(study_summary() if summary is None else summary)
    (folder / "summary.json").write_text(text, encoding="utf-8")
    return folder


def small(folder, **changes):
    """A study of one learned router on three axes, with columns changed."""
    rows = [{**row, **changes} for row in study_rows(**SMALL)]
    return write_study(folder, rows, study_summary(axes=SMALL["axes"]))
