"""`write_findings`: what probes found about routers, as one HTML page that needs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carousel_envs.foundation.files import write_whole

from ..probes.summary import summaries
from .finding_figures import finding_figure
from .records import DASH, text
from .render import environment, plotly_javascript
from .tables import Cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..probes.summary import Summary
    from .figures import Figure


def write_findings(document: Mapping[str, Any], path: Path, command: str) -> None:
    """Draw the page of findings; one that is there is replaced whole.

    Args:
        document: what `carousel probe --json` prints, with `findings` of one router or of several.
        path: of the page.
        command: that makes it.

    Raises:
        CarouselError: the page cannot be written.
    """
    findings = document["findings"]
    names = list(dict.fromkeys(one["policy"] for one in findings))
    probes = list(dict.fromkeys(one["probe"] for one in findings))
    called = _names(findings)
    pictures: dict[str, dict[str, Figure]] = {}
    routers = []
    for place, name in enumerate(names):
        own = [one for one in findings if one["policy"] == name]
        parts = [_part(one, place, pictures) for one in own]
        routers.append(
            {"id": f"router-{place}", "name": called[name], "file": name, "parts": parts}
        )
    found = {(one.router, one.probe): one for one in summaries(findings)}
    columns = list(dict.fromkeys(one["router"] for one in findings))
    several = len(columns) < len(names)
    html = (
        environment()
        .get_template("findings.html")
        .render(
            document=document,
            routers=routers,
            # of many policies the first table tells how many got which verdict
            columns=columns if several else [],
            cells={key: _over_seeds(one) for key, one in found.items()},
            probes=probes,
            questions={one["probe"]: one["question"] for one in findings},
            pictures=pictures,
            command=command,
            plotly=plotly_javascript(),
        )
    )
    write_whole(path, html.encode())


def _over_seeds(summary: Summary) -> dict[str, str]:
    """A cell of the table over seeds: verdicts, how many policies got each, and the headline."""
    verdicts = ", ".join(
        name if count == summary.policies else f"{name} {count}"
        for name, count in summary.verdicts.items()
    )
    if summary.value is None:
        return {"verdicts": verdicts, "number": ""}
    number = f"{summary.headline} {text(summary.value)}"
    if summary.known < summary.policies:
        number = f"{summary.headline} of {summary.known} {text(summary.value)}"
    if summary.low is not None and summary.high is not None:
        number += f" [{text(summary.low)}, {text(summary.high)}]"
    return {"verdicts": verdicts, "number": number}


def _names(findings: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What each policy is called: its router, with the seed where several are of one name, and the
    whole path where that does not tell either."""
    short, seeded = {}, {}
    for one in findings:
        short[one["policy"]] = one["router"]
        seed = one.get("training_seed")
        seeded[one["policy"]] = one["router"] if seed is None else f"{one['router']}, seed {seed}"
    for names in (short, seeded):
        if len(set(names.values())) == len(names):
            return names
    return {policy: policy for policy in short}


def _part(
    finding: Mapping[str, Any], place: int, pictures: dict[str, dict[str, Figure]]
) -> dict[str, Any]:
    """What the template shows of a finding; its figure joins the pictures."""
    name = f"{place}-{finding['probe']}"
    if finding["figure"] is not None:
        pictures[name] = {"figure": finding_figure(finding["figure"])}
    return {
        **{key: finding[key] for key in ("probe", "question", "verdict", "reason")},
        **{key: finding.get(key) or "" for key in ("shows", "limits")},
        "id": name,
        "pictured": name in pictures,
        "estimates": _table(
            "Estimates",
            [
                {"estimate": key, **{k: value[k] for k in ("value", "low", "high")}}
                for key, value in finding["estimates"].items()
            ],
        ),
        "rows": _table("Behind them", finding["rows"]),
    }


def _table(caption: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A table of plain rows, with a column for whatever one of them names."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_cell(row.get(key)) for key in keys] for row in rows]
    numeric = [all(not isinstance(row.get(key), str | list | dict) for row in rows) for key in keys]
    columns = [
        {"name": key.replace("_", " "), "numeric": is_number}
        for key, is_number in zip(keys, numeric, strict=True)
    ]
    return {"caption": caption, "columns": columns, "rows": cells}


def _cell(value: Any) -> Cell:
    if value is None:
        return Cell(DASH, None)
    if isinstance(value, bool):
        return Cell("yes" if value else "no", str(value))
    if isinstance(value, int | float):
        return Cell(f"{value:.4g}", float(value))
    if isinstance(value, list | tuple):
        value = ", ".join(f"{x:.4g}" if isinstance(x, float) else str(x) for x in value)
    return Cell(str(value), str(value))
