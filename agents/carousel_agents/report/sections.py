"""What the page says of one environment: its figures, its tables, what stands beside a score."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..generalisation.gaps import gaps
from ..generalisation.summary import over_populations
from . import aggregate, comparisons, diagrams, figures, highlights, tables
from .panels import panels
from .records import Look, Record, interval_text, looks, number, runs_text, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .folders import Study

METRICS = ("score", "engagement")

_MAIN = ("learned", "frozen")
_BESIDE = {
    "optimum": ("optimal", "value"),
    "hand-written loop": ("loop", None),
    "loop, frozen": ("frozen-loop", None),
    "open-loop (blind)": ("open-loop", "blind"),
    "best constant": ("fixed", "best_fixed"),
    "uniform": ("uniform", "uniform"),
}
"""Who stands beside a learned score, and the reference's figure to take where nobody played it."""


def section(study: Study, place: int) -> dict[str, Any]:
    """Everything that the template shows of a study.

    Args:
        study: rows of one environment.
        place: of the section on the page, from 0; names its figures.
    """
    training = aggregate.records(aggregate.training_rows(study.rows))
    shifted = aggregate.records(aggregate.shifted_rows(study.rows))
    by_users = [
        {**record, "whom": "new users" if record["overlap"] == 0 else "training users"}
        for record in aggregate.records(
            aggregate.users_rows(study.rows), ("users_trained", "overlap")
        )
    ]
    view = _view(study, training, shifted)
    drawn = looks({**view, "rows": [*view["rows"], *by_users]})
    main = {router: look for router, look in drawn.items() if look.role in _MAIN}
    compared = {router: look for router, look in drawn.items() if look.role != "baseline"}
    improvements = aggregate.improvements(study.rows)
    parts = _parts(study, shifted, main, compared, improvements)
    asked = {router: drawn[router] for router in drawn if _is_in(router, by_users)}
    if asked:
        parts["pictures"]["users"] = {"figure": diagrams.users_figure(by_users, asked)}
    shown, unseen = panels(view, drawn)
    pictures: dict[str, dict[str, figures.Figure]] = {
        f"{place}-axis-{i}": panel.pop("figures") for i, panel in enumerate(shown)
    }
    if training:
        reference = training[0]
        pictures[f"{place}-training"] = {
            metric: figures.training_figure(training, reference, drawn, metric)
            for metric in METRICS
        }
    for name, views in parts.pop("pictures").items():
        pictures[f"{place}-{name}"] = views
    scored = any(number(record, "score") is not None for record in [*training, *shifted])
    return {
        **parts,
        "id": f"environment-{place}",
        "place": place,
        "environment": study.environment,
        "source": study.source,
        "created": [str(s["created"]) for s in study.summaries if s.get("created")],
        "not_applicable": _not_applicable(study),
        "left_out": _left_out(study),
        "pictures": pictures,
        "first_metric": METRICS[0] if scored else METRICS[1],
        "findings": highlights.findings(view, drawn, by_users),
        "cards": _cards(study, training, improvements),
        "panels": shown,
        "unseen": unseen,
        "legend": {
            router: look
            for router, look in drawn.items()
            if router in asked or any(router in panel["routers"] for panel in shown)
        },
        "main": list(main),
        "heat": highlights.heat_maps(view, drawn),
        "bounds": any(record["tier"] == "bounds" for record in [*training, *shifted]),
        "training_table": tables.table(
            "Every router on the training users",
            tables.measures(tables.SEEDS_COLUMNS, training),
            training,
        ),
        "users_table": tables.table("Score by users trained on", tables.USERS_COLUMNS, by_users),
        "beside_users": any(look.role != "learned" for look in asked.values()),
        "only_users": bool(by_users) and not training and not shifted,
        "rows_table": tables.table(
            "Every router under every shift",
            tables.measures(tables.SHIFTED_COLUMNS, shifted),
            shifted,
        ),
        "seeds": _seed_counts(training),
        "sessions": _counts(study, "users"),
        "seed": _counts(study, "seed"),
        "commands": _commands(study),
        "population": tables.pairs(study.summaries[0].get("population") or {}),
        "versions": tables.pairs(study.summaries[0].get("versions") or {}),
    }


def _is_in(router: str, records: Sequence[Record]) -> bool:
    return any(record["router"] == router for record in records)


def _view(study: Study, training: Sequence[Record], shifted: Sequence[Record]) -> dict[str, Any]:
    """The study in the form that severity curves and heat maps are drawn from."""
    axes: dict[str, Mapping[str, Any]] = {}
    for summary in study.summaries:
        for axis in summary.get("axes") or []:
            axes.setdefault(str(axis.get("name")), axis)
    played = {record["axis"] for record in shifted}
    return {
        "routers": training,
        # each axis starts from the runs that met it
        "rows": [*aggregate.records(aggregate.starts(study.rows)), *shifted],
        "axes": [axis for name, axis in axes.items() if name in played],
        "severities": [0.0],
        "reference": {},
    }


def _parts(
    study: Study,
    shifted: Sequence[Record],
    main: Mapping[str, Look],
    compared: Mapping[str, Look],
    improvements: Sequence[Record],
) -> dict[str, Any]:
    """Figures and tables that need more than severity curves do."""
    rows = study.rows
    split, points = gaps(rows, resamples=aggregate.RESAMPLES), aggregate.seed_points(rows)
    by_regime = aggregate.regimes(rows)
    profiles = aggregate.profiles(rows, comparisons.THRESHOLDS)
    learned = {router: look for router, look in main.items() if look.role == "learned"}
    several = Counter(point["router"] for point in points)
    scatter = {
        what: figure
        for what, of in diagrams.SEED_VIEWS.items()
        # one run per router shows no spread
        if max(several.values(), default=0) > 1
        and (figure := diagrams.seeds_figure(points, learned, of, what))
    }
    singles = {
        "distance": diagrams.distance_figure(shifted, main),
        "regimes": comparisons.regimes_figure(by_regime, compared),
        "profile": comparisons.profile_figure(profiles, compared),
    }
    pictures = {name: {"figure": figure} for name, figure in singles.items() if figure}
    if scatter:
        pictures["seeds"] = scatter
    for i, router in enumerate(dict.fromkeys(gap["router"] for gap in split)):
        own = [gap for gap in split if gap["router"] == router]
        pictures[f"gaps-{i}"] = {
            "figure": comparisons.gaps_figure(own, comparisons.gaps_scale(split))
        }
    return {
        "pictures": pictures,
        "views": list(scatter),
        "split": list(dict.fromkeys(gap["router"] for gap in split)),
        "gaps_table": tables.table("Gaps and their parts", tables.GAP_COLUMNS, split),
        "regimes_table": tables.table("Score by regime", tables.REGIME_COLUMNS, by_regime),
        "seeds_table": tables.table("Seed by seed", tables.SEED_COLUMNS, points),
        "improvement_table": tables.table(
            "Probability of improvement over the frozen loop",
            tables.IMPROVEMENT_COLUMNS,
            improvements,
        ),
        "distance_table": tables.table(
            "Distance of every condition", tables.DISTANCE_COLUMNS, _distances(shifted)
        ),
        "nowhere": [record for record in _distances(shifted) if record["distance_nats"] is None],
    }


def _distances(shifted: Iterable[Record]) -> list[dict[str, Any]]:
    """One record per condition: a distance is the same for every router."""
    found: dict[tuple[str, float], dict[str, Any]] = {}
    for record in shifted:
        found.setdefault((record["axis"], record["severity"]), dict(record))
    return list(found.values())


def _cards(
    study: Study, training: Sequence[Record], improvements: Sequence[Record]
) -> list[dict[str, Any]]:
    """Per learned router: its score, what it keeps under shift, and who stands beside it."""
    rows = aggregate.shifted_rows(study.rows)
    shifted = over_populations(rows, resamples=aggregate.RESAMPLES)
    under_shift = {record["router"]: record for record in shifted}
    there = rows.drop_nulls("score")["target"].n_unique()
    better = {record["router"]: record for record in improvements if record["axis"] == "all"}
    beside = _beside(training)
    cards = []
    for record in (record for record in training if record["role"] == "learned"):
        kept = under_shift.get(record["router"], {})
        found = better.get(record["router"], {})
        facts = [
            ("mean under shift", _with_interval(kept, "score")),
            ("worst tenth of shifts", _with_interval(kept, "worst_decile")),
            ("beats the frozen loop", _share(found)),
            ("shifted populations", _how_many(kept, there)),
        ]
        if kept.get("populations"):
            where = f"{kept['worst_axis']} {kept['worst_severity']:g}"
            facts.insert(2, ("worst shift", f"{text(number(kept, 'worst'))} ({where})"))
        cards.append(
            {
                "router": record["router"],
                "score": text(number(record, "score")),
                "interval": interval_text(record),
                "runs": runs_text(record) or "one run",
                "facts": facts,
                "beside": beside,
            }
        )
    return cards


def _how_many(record: Record, there: int) -> str:
    """Of how many populations these figures are: routers are alike only where that is."""
    counted = int(number(record, "populations") or 0)
    if counted == there:
        return str(counted)
    if counted == 0:
        return f"none of {there} met by all seeds" if record.get("partly") else "none"
    return f"{counted} of {there}" + (", which all seeds met" if record.get("partly") else "")


def _with_interval(record: Record, metric: str) -> str:
    return f"{text(number(record, metric))} {interval_text(record, metric)}".strip()


def _share(record: Record) -> str:
    ends = [number(record, key) for key in ("improvement", "improvement_low", "improvement_high")]
    percent = [text(None if end is None else 100 * end, 0) for end in ends]
    if ends[0] is None:
        return percent[0]
    return f"{percent[0]} %" + (f" [{percent[1]}, {percent[2]}]" if ends[1] is not None else "")


def _beside(training: Sequence[Record]) -> list[tuple[str, str]]:
    played = {record["router"]: number(record, "score") for record in training}
    reference: Record = training[0] if training else {}
    found = []
    for name, (router, key) in _BESIDE.items():
        if router in played:
            found.append((name, text(played[router])))
        elif key is not None:
            found.append((name, text(_reference_score(reference, key))))
    return found


def _reference_score(reference: Record, key: str) -> float | None:
    figure, blind, value = (number(reference, name) for name in (key, "blind", "value"))
    if figure is None or blind is None or value is None or value <= blind:
        return None
    return (figure - blind) / (value - blind)


def _not_applicable(study: Study) -> dict[str, str]:
    found: dict[str, str] = {}
    for summary in study.summaries:
        found |= {str(k): str(v) for k, v in (summary.get("not_applicable") or {}).items()}
    return found


def _left_out(study: Study) -> dict[str, str]:
    """Routers that make no sense here, and why."""
    found: dict[str, str] = {}
    for summary in study.summaries:
        for record in summary.get("left_out") or []:
            found.setdefault(str(record.get("router")), str(record.get("reason")))
    return found


def _seed_counts(training: Sequence[Record]) -> list[int]:
    return sorted({record["seeds"] for record in training if record["role"] == "learned"})


def _counts(study: Study, column: str) -> int | None:
    found = study.rows[column].drop_nulls()
    return int(found[0]) if len(found) else None


def _commands(study: Study) -> list[tuple[str, str]]:
    """What each command gives, and the command: of the study, of its axes, of its training."""
    found: list[tuple[str, Any]] = []
    for summary in study.summaries:
        found.append(("All rows", summary.get("command")))
        axes = summary.get("axes") or []
        found.extend((f"Axis {axis.get('name')}", axis.get("command")) for axis in axes)
        told = [summary.get("training"), *(summary.get("routers") or [])]
        routers = [record for record in told if isinstance(record, dict)]
        found.extend((_meant(record), record.get("command")) for record in routers)
    return list(dict.fromkeys((what, str(command)) for what, command in found if command))


def _meant(record: Mapping[str, Any]) -> str:
    """Whom a command is about."""
    return str(record.get("router", "Training")) + " (control)" * bool(record.get("control"))
