"""The columns of results, by name, type and meaning: fixed ones, and one per metric.

Needs no Polars: `schema` says the same in its types.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.metrics import METRICS, OWN

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from carousel_envs.metrics import Metric

Type = type[str] | type[float] | type[int]

_BEFORE: Mapping[str, tuple[Type, str]] = MappingProxyType(
    {
        # which question
        "environment": (str, "id of the environment"),
        "axis": (str, "what is changed: a shift, two joined by '+', a regime, or 'users'"),
        "kind": (str, "what sort of change it is, such as 'mechanism'"),
        "regime": (
            str,
            (
                "'training' (nothing is changed), 'level' (this router trained on them, too), "
                "'interpolation' (inside a hole of the training range), 'combinatorial' (each "
                "part seen in training, never together) or 'extrapolation' (beyond)"
            ),
        ),
        "severity": (float, "how far, 0 (training) to 1"),
        # who plays
        "router": (str, "name shared by all seeds, such as 'ppo' or 'frozen-loop'"),
        "role": (str, "'learned', 'frozen', 'optimal' or 'baseline'"),
        "algorithm": (str, "what it was trained with; null if it was not"),
        "training_seed": (int, "seed of its training; null if it was not trained"),
        "policy": (str, "policy file or scripted name, as given"),
        "trained_on": (
            str,
            (
                "'source': the users that shifts start from, and not those of this row if they "
                "are shifted; 'level': both, as one of several populations; 'target': the users "
                "of this row alone (a control); null if neither was trained nor frozen"
            ),
        ),
        # on whom
        "source": (
            str,
            (
                "fingerprint of the population that shifts start from; on axis 'users' of its "
                "ranges, with n_users 1 and users_seed 0"
            ),
        ),
        "target": (str, "fingerprint of the population played here"),
        "users_trained": (
            int,
            (
                "rows of the user table trained on, on axis 'users' also those that the frozen "
                "loop was solved for; null if it was not trained"
            ),
        ),
        "overlap": (int, "rows of the user table both trained on and played; null: not asked"),
        # how far from training
        "distance_nats": (
            float,
            (
                "expected log-likelihood ratio per session between target and source under uniform "
                "choice, in nats; null where their sessions cannot be compared as wholes"
            ),
        ),
        "distance_se": (float, "its standard error"),
        "distance_per_turn": (float, "the same per turn, over the part that both can show"),
        "distance_per_turn_se": (float, "its standard error"),
        "distance_note": (str, "why a distance is null or of a part only; empty if it is whole"),
        # how it went
        "score": (float, "(engagement - blind) / (value - blind); null if listening has no worth"),
        "score_low": (float, "lower end of its 95 % interval over sessions"),
        "score_high": (float, "upper end"),
        "score_at_least": (
            float,
            "the smallest score that any optimum from value to value_upper gives",
        ),
        "score_from_frozen_blind": (
            float,
            (
                "the score with another zero: (engagement - frozen_blind) / (value - "
                "frozen_blind); null where that scale is empty or frozen_blind is"
            ),
        ),
        "regret": (float, "value - engagement"),
        "regret_at_most": (float, "value_upper - engagement"),
        "engagement": (float, "mean per session of expected engagement less swap costs"),
        "engagement_se": (float, "its standard error over sessions"),
    }
)
_AFTER: Mapping[str, tuple[Type, str]] = MappingProxyType(
    {
        # what could be had
        "tier": (str, "'exact' or 'bounds'; without a solver 'best known' or 'none'"),
        "value": (float, "expected engagement of the reference, a lower bound in tier 'bounds'"),
        "value_upper": (float, "upper bound of the optimum; equal to value in tier 'exact'"),
        "blind": (float, "the best without listening"),
        "frozen_blind": (
            float,
            (
                "what the training users' best schedule earns here, on the same sessions; null if "
                "it did not play"
            ),
        ),
        "best_fixed": (float, "the best single persona"),
        "uniform": (float, "uniform choice"),
        # of how much
        "users": (int, "sessions played"),
        "seed": (int, "seed of these sessions, the same for all routers"),
    }
)
_DOCUMENTS = (
    *("env", "shifts", "population_fingerprint", "training_fingerprint", "beside", "seeds"),
    *("engagement_low", "engagement_high", "regret_low", "regret_high"),
)
"""Keys that stand beside a row's own in the documents that rows become part of."""


def _of(metrics: Iterable[Metric]) -> dict[str, tuple[Type, str]]:
    return {metric.name: (float, metric.meaning) for metric in metrics}


OWN_COLUMNS: Mapping[str, tuple[Type, str]] = MappingProxyType({**_BEFORE, **_of(OWN), **_AFTER})
"""Type and meaning of this project's columns, in order."""


def added() -> list[Metric]:
    """The metrics that plugins have registered; their columns come after all others.

    Raises:
        CarouselError: see `check_names`.
    """
    check_names()
    return [metric for metric in METRICS.values() if metric.name not in OWN_COLUMNS]


def added_columns() -> dict[str, tuple[Type, str]]:
    """The columns of `added`, and what they mean."""
    return _of(added())


def check_names() -> None:
    """Refuse metrics that have the name of something else in a row.

    Raises:
        CarouselError: one has.
    """
    taken = {*_BEFORE, *_AFTER, *_DOCUMENTS}
    for name in METRICS:
        if name in taken:
            raise CarouselError(
                f"metric {name!r} has the name of another figure of results; it must have its own"
            )


def requested() -> dict[str, dict[str, str]]:
    """What plugins' metrics add to a study's request: {"metrics": meaning by name}, or nothing."""
    return {"metrics": {m.name: m.meaning for m in found}} if (found := added()) else {}


def metrics_among(names: Container[str]) -> list[Metric]:
    """The metrics whose column is among these, in order."""
    return [metric for metric in METRICS.values() if metric.name in names]


def metrics_in(records: Sequence[Mapping[str, Any]]) -> list[Metric]:
    """The metrics that every environment has, and those that some record has a figure of."""
    return [
        metric
        for metric in METRICS.values()
        if metric.field or any(record.get(metric.name) is not None for record in records)
    ]
