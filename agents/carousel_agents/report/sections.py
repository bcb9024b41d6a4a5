"""The section of one environment: all that the page's template shows of a study."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..generalisation.gap_parts import gaps
from ..generalisation.players import MASKED
from . import aggregate, comparisons, diagrams, figures, highlights, tables
from .cards import cards
from .panels import panels
from .records import Look, Record, looks, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .folders import Study

MEASURES = ("score", "engagement")

_MAIN = ("learned", "frozen")


def section(study: Study, place: int) -> dict[str, Any]:
    """Everything that the template shows of a study.

    Args:
        study: rows of one environment.
        place: of the section on the page, from 0; part of its figures' names.
    """
    found = _Records.of(study)
    view = _view(study, found.training, found.shifted)
    drawn = looks({**view, "rows": [*view["rows"], *found.by_users]})
    # what is said of all shifts is said of those who met them all
    study = replace(study, rows=aggregate.unmasked(study.rows))
    whole = {router: look for router, look in drawn.items() if not router.endswith(MASKED)}
    improvements = aggregate.improvements(study.rows)
    parts = _parts(study, found.shifted, whole, improvements)
    asked = {router: drawn[router] for router in drawn if _is_in(router, found.by_users)}
    if asked:
        parts["pictures"]["users"] = {"figure": diagrams.users_figure(found.by_users, asked)}
    shown, unseen = panels(view, drawn)
    pictures: dict[str, dict[str, figures.Figure]] = {
        f"{place}-axis-{i}": panel.pop("figures") for i, panel in enumerate(shown)
    }
    if found.training:
        pictures[f"{place}-training"] = _training_figures(found.training, drawn)
    for name, views in parts.pop("pictures").items():
        pictures[f"{place}-{name}"] = views
    return {
        **parts,
        **_about(study),
        **_tables(found),
        "id": f"environment-{place}",
        "place": place,
        "pictures": pictures,
        "first_metric": MEASURES[0] if found.scored else MEASURES[1],
        "findings": highlights.findings(view, whole, found.by_users),
        "cards": cards(study, [r for r in found.training if r["router"] in whole], improvements),
        "panels": shown,
        "unseen": unseen,
        "legend": {
            router: look
            for router, look in drawn.items()
            if router in asked or any(router in panel["routers"] for panel in shown)
        },
        "main": list(_of_role(whole, *_MAIN)),
        "heat": highlights.heat_maps(view, whole),
        "bounds": any(record["tier"] == "bounds" for record in found.played),
        "beside_users": any(look.role != "learned" for look in asked.values()),
        "only_users": bool(found.by_users) and not found.played,
        "seeds": _seed_counts(found.training),
    }


@dataclass(frozen=True)
class _Records:
    """What is known of each router of a study.

    Attributes:
        training: on the training users.
        shifted: under each shift.
        by_users: on users seen in training and on new ones, by the number of users trained on.
    """

    training: list[dict[str, Any]]
    shifted: list[dict[str, Any]]
    by_users: list[dict[str, Any]]

    @classmethod
    def of(cls, study: Study) -> _Records:
        """Those of a study."""
        by_users = aggregate.records(aggregate.users_rows(study.rows), ("users_trained", "overlap"))
        return cls(
            aggregate.records(aggregate.training_rows(study.rows)),
            aggregate.records(aggregate.shifted_rows(study.rows)),
            [
                {**record, "whom": "new users" if record["overlap"] == 0 else "training users"}
                for record in by_users
            ],
        )

    @property
    def played(self) -> list[dict[str, Any]]:
        """Those of axes: on the training users and under shift."""
        return [*self.training, *self.shifted]

    @property
    def scored(self) -> bool:
        """Whether there is a score on any axis."""
        return any(number(record, "score") is not None for record in self.played)


def _training_figures(
    training: Sequence[Record], drawn: Mapping[str, Look]
) -> dict[str, figures.Figure]:
    return {
        metric: figures.training_figure(training, training[0], drawn, metric) for metric in MEASURES
    }


def _of_role(drawn: Mapping[str, Look], *roles: str) -> dict[str, Look]:
    return {router: look for router, look in drawn.items() if look.role in roles}


def _tables(found: _Records) -> dict[str, Any]:
    """The tables of routers, and what the columns of plugins' metrics mean."""
    return {
        "training_table": tables.table(
            "Every router on the training users",
            tables.training_columns(found.training),
            found.training,
        ),
        "rows_table": tables.table(
            "Every router under every shift",
            tables.shifted_columns(found.shifted),
            found.shifted,
        ),
        "users_table": tables.table(
            "Score by users trained on", tables.USERS_COLUMNS, found.by_users
        ),
        "explained": tables.explained(found.played),
    }


def _about(study: Study) -> dict[str, Any]:
    """What the section says of the study itself."""
    first = study.summaries[0]
    return {
        "environment": study.environment,
        "source": study.source,
        "created": [str(s["created"]) for s in study.summaries if s.get("created")],
        "not_applicable": _not_applicable(study),
        "left_out": _left_out(study),
        "sessions": _counts(study, "users"),
        "seed": _counts(study, "seed"),
        "commands": _commands(study),
        "population": tables.pairs(first.get("population") or {}),
        "versions": tables.pairs(first.get("versions") or {}),
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
    drawn: Mapping[str, Look],
    improvements: Sequence[Record],
) -> dict[str, Any]:
    """Figures and tables of what is computed from the rows: gaps, regimes, profiles, seeds."""
    rows = study.rows
    main, learned = _of_role(drawn, *_MAIN), _of_role(drawn, "learned")
    compared = {router: look for router, look in drawn.items() if look.role != "baseline"}
    split, points = gaps(rows, resamples=aggregate.RESAMPLES), aggregate.seed_points(rows)
    by_regime = aggregate.regimes(rows)
    profiles = aggregate.profiles(rows, comparisons.THRESHOLDS)
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
            "Probability of improvement over frozen routers",
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
        entries = [summary.get("training"), *(summary.get("routers") or [])]
        routers = [record for record in entries if isinstance(record, dict)]
        found.extend((_meant(record), record.get("command")) for record in routers)
    return list(dict.fromkeys((what, str(command)) for what, command in found if command))


def _meant(record: Mapping[str, Any]) -> str:
    """The router that a command is about."""
    return str(record.get("router", "Training")) + " (control)" * bool(record.get("control"))
