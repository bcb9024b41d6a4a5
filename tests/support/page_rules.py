"""What an environment's page must say, and what of that a docstring does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from carousel_envs import Population, any_population
from carousel_envs.reference import frontier, solve, solve_recall
from carousel_envs.registry import environment_id, shifts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from carousel_envs.registry import AnyPopulation

SECTIONS = (
    *("Description", "Observation", "Actions", "Reward", "Start", "End", "Population"),
    *("References", "Shifts", "Sources", "Version history"),
)


@dataclass(frozen=True)
class Facts:
    """What is so in an environment.

    Attributes:
        name: as in Carousel/<name>-v0.
        columns: names of the observation's columns.
        info: keys that a step's info holds.
        population: the preset.
        shifts: names of the axes that mean something here.
        figures: the reference's summary.
    """

    name: str
    columns: tuple[str, ...]
    info: frozenset[str]
    population: AnyPopulation
    shifts: frozenset[str]
    figures: Mapping[str, Any]

    @classmethod
    def of(cls, name: str) -> Facts:
        """Ask the environment itself."""
        env = gym.make(environment_id(name)).unwrapped
        env.reset(seed=0)
        *_, info = env.step(0)
        population = any_population(name)
        shifts = shifts_of(population)
        return cls(
            name=name,
            columns=env.column_names,
            info=frozenset(info),
            population=population,
            shifts=frozenset(x for x, s in shifts.items() if not s.obstacle(population)),
            figures=solve(name).summary(),
        )


def problems(page: str, facts: Facts) -> list[str]:
    """What is wrong with a page, one sentence each; nothing if it is complete."""
    parts = sections(page)
    found = []
    if tuple(parts)[1:] != SECTIONS:
        found.append(f"sections are {list(parts)[1:]}; they must be {list(SECTIONS)}")
    summary, _, rest = parts[""].partition("\n")
    if not summary.endswith(".") or rest.strip():
        found.append("the page must begin with one sentence on a line of its own")
    found += [f"{name} is empty" for name in SECTIONS if name in parts and not parts[name]]
    for name, check in CHECKS.items():
        if parts.get(name):
            found += [f"{name}: {problem}" for problem in check(parts[name], facts)]
    return found


def sections(page: str) -> dict[str, str]:
    """Texts of a page by heading, in order; what stands before the first heading is named ""."""
    pieces = re.split(r"^## +(.*)$", page, flags=re.MULTILINE)
    return {
        name.strip(): text.strip()
        for name, text in zip(["", *pieces[1::2]], pieces[::2], strict=True)
    }


def tables(text: str) -> list[list[list[str]]]:
    """Every table of a text: rows of cells, the heads first, without the rule below them."""
    found: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        row = line.strip()
        if not row.startswith("|"):
            inside = False
            continue
        if not inside:
            found.append([])
            inside = True
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            found[-1].append(cells)
    return found


def quoted(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def shown(value: Any) -> str:
    """How a page writes the value of a field."""
    if isinstance(value, tuple) and value:
        nested = any(isinstance(item, tuple) for item in value)
        return ("; " if nested else ", ").join(shown(item) for item in value)
    return str(value)


# -- section by section ---------------------------------------------------------------------------


def _observation(text: str, facts: Facts) -> list[str]:
    width = len(facts.columns)
    found = [] if f"({width},)" in text else [f"the shape must be given as ({width},)"]
    rows = [row for table in tables(text) for row in table[1:]]
    found += [f"no values are given for {row[0]}" for row in rows if not row[-1]]
    left = set(facts.columns)
    for name in (name for row in rows for name in quoted(row[0])):
        pattern = re.escape(name).replace(r"\*", ".+")
        named = {column for column in facts.columns if re.fullmatch(pattern, column)}
        left -= named
        if not named:
            found.append(f"there is no column {name}")
    return found + [f"column {name} is not named" for name in facts.columns if name in left]


def _actions(text: str, facts: Facts) -> list[str]:
    k = facts.population.n_actions
    needed = [f"Discrete({k})", "`population.personas`"]
    if "none" in facts.population.actions:
        needed.append('"none"')
    return _lacks(text, needed)


def _reward(text: str, facts: Facts) -> list[str]:
    named = set(quoted(text))
    return [f"info key {key} is not mentioned" for key in sorted(facts.info - named)]


def _start(text: str, facts: Facts) -> list[str]:
    return _lacks(text.lower(), ["option `user`", "seed"])


def _end(text: str, facts: Facts) -> list[str]:
    needed = ["`session_length`", "runcated", "erminated"]
    if isinstance(facts.population, Population):
        needed += ["`leave_bored`"] if facts.population.leave_bored else []
        needed += ["goodbye"] if facts.population.has_farewells else []
    return _lacks(text, needed)


def _population(text: str, facts: Facts) -> list[str]:
    found: list[str] = []
    fields = type(facts.population).model_fields
    told: set[str] = set()
    for row in (row for table in tables(text) if table[0][0] == "field" for row in table[1:]):
        names = quoted(row[0])
        values = []
        for name in names:
            field, _, place = name.partition("[")
            if field not in fields:
                found.append(f"there is no field {field}")
                continue
            value = getattr(facts.population, field)
            if place:
                number = int(place.removesuffix("]"))
                told.add(f"{field}[{number}]")
                if all(f"{field}[{i}]" in told for i in range(len(value))):
                    told.add(field)
                value = value[number]
            else:
                told.add(field)
            values.append(shown(value))
        expected = ", ".join(values)
        if row[-1] != expected and len(values) == len(names):
            found.append(f"{', '.join(names)} is {row[-1]}; the preset has {expected}")
    for what, like in re.findall(r"(`\w+`|[Ee]verything else) (?:is|are) as in `(\w+)`", text):
        other = any_population(like)
        for name in quoted(what) or set(fields) - told:
            if getattr(other, name) == getattr(facts.population, name):
                told.add(name)
    for name, field in fields.items():
        value = getattr(facts.population, name)
        if name not in told and (field.is_required() or value != field.default):
            found.append(f"{name} is not given; the preset has {shown(value)}")
    for fits in (table for table in tables(text) if table[0][0] == "fit"):
        expected_fits = [
            [f"archetype {i}", *(f"{fit:.2f}" for fit in row)]
            for i, row in enumerate(facts.population.fit_matrix())
        ]
        if fits != [["fit", *facts.population.actions], *expected_fits]:
            found.append(f"the fits are {fits[1:]}; they must be {expected_fits}")
    return found


def _references(text: str, facts: Facts) -> list[str]:
    word = {"exact": "exact", "bounds": "bounds"}[facts.figures["tier"]]
    found = [] if word in text.lower() else [f"the tier must be named: {word}"]
    head = f"`carousel reference {facts.name}`"
    gate = [table for table in tables(text) if table[0][0] == head]
    if len(gate) != 1:
        return [*found, f"there must be one table headed {head}"]
    names = ["value", "blind", "best_fixed", "uniform", "myopic"]
    if facts.figures["tier"] == "bounds":
        names.insert(1, "value_upper")
    expected = [[name, f"{facts.figures[name]:.2f}"] for name in names]
    if [row[0] for row in gate[0][1:]] != names:
        return [*found, f"the rows of {head} must be {', '.join(names)}"]
    for (name, given), (_, right) in zip(gate[0][1:], expected, strict=True):
        if given != right:
            found.append(f"{name} is {given}; solve says {right}")
    for name, error in facts.figures["standard_errors"].items():
        if not re.search(rf"\b{re.escape(f'{error:.1g}')}\b", text):
            found.append(f"{name} is simulated; its standard error, {error:.1g}, is not given")
    return found + _other_figures(text, facts)


def _other_figures(text: str, facts: Facts) -> list[str]:
    """Where a page tells more than the gate: the frontier of Welfare, the rates of Recall."""
    right: list[list[str]] = []
    told: list[list[str]] = []
    for table in tables(text):
        if table[0][0] == f"`carousel frontier {facts.name}`":
            told += table[1:]
            for point in frontier(facts.name):
                harmed = point.vulnerable.welfare if point.vulnerable else 0.0
                numbers = (point.engagement, point.welfare, harmed, point.everyone.kept)
                right.append([f"weight {point.weight:.2f}", *(f"{x:.2f}" for x in numbers)])
        if table[0][0] == "router":
            told += [[row[0].partition(" ")[0], *row[1:]] for row in table[1:]]
            for name, rates in solve_recall(facts.population).rates.items():
                shares = (100.0 * (rates.on_forbidden or 0.0), 100.0 * (rates.elsewhere or 0.0))
                right.append([name, f"{rates.value:.2f}", *(f"{x:.1f} %" for x in shares)])
    return [f"{row} is none of {right}" for row in told if row not in right]


def _shifts(text: str, facts: Facts) -> list[str]:
    known = set(shifts_of(facts.population))
    named = known.intersection(quoted(text))
    found = [f"{name} applies but is not listed" for name in sorted(facts.shifts - named)]
    return found + [f"{name} is listed but does not apply" for name in sorted(named - facts.shifts)]


def _sources(text: str, facts: Facts) -> list[str]:
    return [] if re.search(r"\b(19|20)\d\d\b", text) else ["no source has a year"]


def _history(text: str, facts: Facts) -> list[str]:
    return [] if text.startswith("v0: ") else ["it must begin with v0"]


def _lacks(text: str, needed: list[str]) -> list[str]:
    return [f"it does not say {words}" for words in needed if words not in text]


CHECKS: Mapping[str, Callable[[str, Facts], list[str]]] = {
    "Observation": _observation,
    "Actions": _actions,
    "Reward": _reward,
    "Start": _start,
    "End": _end,
    "Population": _population,
    "References": _references,
    "Shifts": _shifts,
    "Sources": _sources,
    "Version history": _history,
}
"""What checks each section."""
