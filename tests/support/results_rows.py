"""Rows of results whose figures are chosen, for what is computed from rows."""

from __future__ import annotations

from typing import Any

import polars as pl

from carousel_agents.generalisation.schema import COLUMNS, SCHEMA

VALUE, BLIND = 20.0, 10.0


def row(router: str = "ppo", seed: int | None = 0, engagement: float = 15.0, **changes: Any) -> Any:
    """One learned policy on the training users, changed."""
    found = dict.fromkeys(COLUMNS) | {
        "environment": "Carousel/Boredom-v0",
        "axis": "hazard",
        "kind": "mechanism",
        "regime": "extrapolation" if changes.get("severity") else "training",
        "severity": 0.0,
        "router": router,
        "role": "learned",
        "training_seed": seed,
        "policy": f"{router}/seed-{seed}",
        "trained_on": "source",
        "source": "source",
        "value": VALUE,
        "value_upper": VALUE,
        "blind": BLIND,
        "tier": "exact",
        "engagement": engagement,
        "engagement_se": 0.5,
        "session_length": 30.0,
        "distance_note": "",
        "users": 100,
        "seed": 0,
    }
    found |= changes
    found.setdefault("target", None)
    if found["target"] is None:
        found["target"] = f"{found['axis']}={found['severity']}" if found["severity"] else "source"
    if "score" not in changes:
        gain = found["value"] - found["blind"]
        found["score"] = (found["engagement"] - found["blind"]) / gain
        found["score_at_least"] = found["score"]
        found["score_low"], found["score_high"] = found["score"] - 0.1, found["score"] + 0.1
    return found


def frame(*rows: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA)
