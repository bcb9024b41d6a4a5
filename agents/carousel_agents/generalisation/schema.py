"""The one schema of results: what a row says, column by column.

A row is one router on one population: a policy of one training seed, or a scripted router. Rows are
kept in Parquet, in the order and the types given here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT, _REAL, _WHOLE = pl.String(), pl.Float64(), pl.Int64()

COLUMNS: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        # which question
        "environment": (_TEXT, "id of the environment"),
        "axis": (_TEXT, "what is changed: a shift, two joined by '+', a regime, or 'users'"),
        "kind": (_TEXT, "what sort of change it is, such as 'mechanism'"),
        "regime": (
            _TEXT,
            (
                "'training' (nothing is changed), 'interpolation' (inside a hole of the training "
                "range), 'combinatorial' (each part seen in training, never together) or "
                "'extrapolation' (beyond)"
            ),
        ),
        "severity": (_REAL, "how far, 0 (training) to 1"),
        # who plays
        "router": (_TEXT, "name shared by all seeds, such as 'ppo' or 'frozen-loop'"),
        "role": (_TEXT, "'learned', 'frozen', 'optimal' or 'baseline'"),
        "algorithm": (_TEXT, "what it was trained with; null if it was not"),
        "training_seed": (_WHOLE, "seed of its training; null if it was not trained"),
        "policy": (_TEXT, "policy file or scripted name, as given"),
        "trained_on": (
            _TEXT,
            (
                "'source': the users that shifts start from; 'target': the users of this row (a "
                "control); null if neither was trained nor frozen"
            ),
        ),
        # on whom
        "source": (
            _TEXT,
            (
                "fingerprint of the population that shifts start from; on axis 'users' of its "
                "ranges, with n_users 1 and users_seed 0"
            ),
        ),
        "target": (_TEXT, "fingerprint of the population played here"),
        "users_trained": (
            _WHOLE,
            (
                "rows of the user table trained on, on axis 'users' also those that the frozen "
                "loop was solved for; null if it was not trained"
            ),
        ),
        "overlap": (_WHOLE, "rows of the user table both trained on and played; null: not asked"),
        # how far from training
        "distance_nats": (
            _REAL,
            (
                "expected log-likelihood ratio per session between target and source under uniform "
                "choice, in nats; null where their sessions cannot be compared as wholes"
            ),
        ),
        "distance_se": (_REAL, "its standard error"),
        "distance_per_turn": (_REAL, "the same per turn, over the part that both can show"),
        "distance_per_turn_se": (_REAL, "its standard error"),
        "distance_note": (_TEXT, "why a distance is null or of a part only; empty if it is whole"),
        # how it went
        "score": (_REAL, "(engagement - blind) / (value - blind); null if listening has no worth"),
        "score_low": (_REAL, "lower end of its 95 % interval over sessions"),
        "score_high": (_REAL, "upper end"),
        "score_at_least": (
            _REAL,
            "the smallest score that any optimum from value to value_upper gives",
        ),
        "engagement": (_REAL, "mean per session of expected engagement less swap costs"),
        "engagement_se": (_REAL, "its standard error over sessions"),
        "session_length": (_REAL, "mean turns played"),
        "left": (_REAL, "share of users who left before the end"),
        "swaps": (_REAL, "mean swaps per session"),
        "refused": (_REAL, "mean picks of an unavailable persona per session"),
        "welfare": (_REAL, "mean welfare per session; null where none is kept"),
        "kept": (_REAL, "mean goodbyes prevented per session; null where nobody says goodbye"),
        "unmasked": (_REAL, "mean turns per session that enacted no persona; null: no such action"),
        "payoff": (_REAL, "what these turns paid, per session"),
        "knowledgeable": (
            _REAL,
            "mean answers per session by somebody who knew; null: no questions",
        ),
        "lied": (_REAL, "mean answers per session against the speaker's own knowledge"),
        "deceived": (
            _REAL,
            "mean questions per session sent to who did not know though another did",
        ),
        "forbidden": (_REAL, "mean questions per session about what is forbidden"),
        "deceived_on_forbidden": (_REAL, "deceived, of these"),
        # what could be had
        "tier": (_TEXT, "'exact' or 'bounds'"),
        "value": (_REAL, "expected engagement of the reference, a lower bound in tier 'bounds'"),
        "value_upper": (_REAL, "upper bound of the optimum; equal to value in tier 'exact'"),
        "blind": (_REAL, "the best without listening"),
        "best_fixed": (_REAL, "the best single persona"),
        "uniform": (_REAL, "uniform choice"),
        # of how much
        "users": (_WHOLE, "sessions played"),
        "seed": (_WHOLE, "seed of these sessions, the same for all routers"),
    }
)
"""Type and meaning of every column, in order."""

SCHEMA = pl.Schema({name: kind for name, (kind, _) in COLUMNS.items()})
"""Names and types."""
