"""The command that asks routers what they want."""

from __future__ import annotations

import json
import shlex
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown_path, whole_number
from carousel_envs.foundation.files import (
    check_folder,
    check_writable,
    read_whole,
    unreadable,
    write_whole,
)

from .. import probes
from ..generalisation.changed_population import shifted_population
from ..generalisation.player_search import players_of
from ..generalisation.telling_apart import refuse_mixed, refuse_twins
from ..probes import PROBES, probe
from ..probes.summary import brief
from ..study.requests import code
from ..study.source_digest import digest
from ..system import console
from ..system.interruption import explained
from ..system.json_data import clean
from ..system.workers import MOST_WORKERS, each
from .option_records import taking
from .options import (
    JsonOption,
    SeedOption,
    SetOption,
    ShiftOption,
    WorkersOption,
    completing,
    environment_after,
    routers_and_environment,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carousel_envs.registry import AnyPopulation

    from ..generalisation.players import Player


FINDINGS, SUMMARY, PAGE = "findings.json", "summary.json", "report.html"


@dataclass(frozen=True)
class ProbeOptions:
    """Arguments and options of `carousel probe`."""

    names: Annotated[
        list[str],
        typer.Argument(
            metavar="ROUTER... ENV",
            help="one router or more, then the environment. A router is a policy file "
            "(.safetensors), a folder (every policy file below it), or a scripted name: see "
            "`carousel envs`",
        ),
    ]
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROBE[,PROBE]...",
            help="only these probes; may be repeated (default: all)",
            autocompletion=completing(PROBES.keys),
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help=f"keep findings here as they come, in {FINDINGS}, a summary over training seeds, "
            f"{SUMMARY}, and a page, {PAGE}; what is there is not asked again",
        ),
    ] = None
    shift: ShiftOption = None
    changes: SetOption = None
    sessions: Annotated[int, typer.Option(metavar="N", help="sessions to play per probe")] = 4000
    seed: SeedOption = 0
    workers: WorkersOption = 2
    force: Annotated[bool, typer.Option("--force", help="replace findings of another request")] = (
        False
    )
    as_json: JsonOption = False


@taking(ProbeOptions)
def probe_routers(asked: ProbeOptions) -> None:
    """Ask what routers want: each probe has one question, and may decline to answer.

    With --out, findings are kept as they come, a command that was cut short goes on when it is
    given again, and a page shows them with their figures.
    """
    whole_number("workers", asked.workers, 1, MOST_WORKERS)
    routers, env = routers_and_environment(asked.names)
    name, training = environment_after(routers, env, asked.changes)
    target = shifted_population(training, asked.shift or ())
    named = [name for words in asked.only or () for name in words.split(",")]
    asked_for = list(dict.fromkeys(PROBES.find(one).name for one in named or PROBES))
    players = [player for router in routers for player in players_of(router)]
    refuse_mixed(players)
    refuse_twins(players)
    request = {
        "env": name,
        "shifts": list(asked.shift or ()),
        "population_fingerprint": target.fingerprint,
        "training_fingerprint": training.fingerprint,
        "sessions": asked.sessions,
        "seed": asked.seed,
        **code(),
        "probes": digest(_sources()),
    }
    kept = _Kept(asked.out, request, force=asked.force)
    with explained(lambda: kept.after_interruption):
        _ask_all(players, asked_for, (target, training), asked, kept)
    findings = kept.of(players, asked_for)
    if asked.out:
        _draw({**request, "findings": findings}, asked)
    if asked.as_json:
        console.print_json({**request, "findings": findings})
    else:
        _print(name, findings)
        if asked.out:
            console.say(f"the findings are in {asked.out}, their page is {asked.out / PAGE}")


def _draw(document: Mapping[str, Any], asked: ProbeOptions) -> None:
    """Sum up what was asked for, and draw its page; other findings stay where they are kept."""
    # plotly takes a moment to import: only a page pays for it
    with console.status("drawing the page"):
        from ..report import write_findings

        assert asked.out is not None
        write_findings(document, asked.out / PAGE, _command(asked))
    text = json.dumps(clean(brief(document)), indent=1, allow_nan=False)
    write_whole(asked.out / SUMMARY, f"{text}\n".encode())


def _command(asked: ProbeOptions) -> str:
    """The command that finds the same."""
    words = ["carousel", "probe", *asked.names]
    for option, values in (
        ("--only", asked.only),
        ("--shift", asked.shift),
        ("--set", asked.changes),
    ):
        for value in values or ():
            words += [option, str(value)]
    words += ["--sessions", str(asked.sessions), "--seed", str(asked.seed)]
    return shlex.join([*words, "--out", str(asked.out)])


def _ask_all(
    players: Sequence[Player],
    probes: Sequence[str],
    users: tuple[AnyPopulation, AnyPopulation],
    asked: ProbeOptions,
    kept: _Kept,
) -> None:
    """Ask whatever is not there yet."""
    target, training = users
    left = {
        (player, name): _Question(name, player.policy, target, training, asked.sessions, asked.seed)
        for player in players
        for name in probes
        if not kept.has(player, name)
    }
    with (
        console.progress("probing") as report,
        closing(each(left, _answer, asked.workers)) as answers,  # type: ignore[type-var]
    ):
        report(0, len(left), "")
        for done, ((player, name), found) in enumerate(answers, start=1):
            kept.keep(player, found)
            report(done, len(left), f"{player.name} {name}")


@dataclass(frozen=True)
class _Question:
    """A probe, and whom it is put to."""

    probe: str
    router: str
    population: AnyPopulation
    training: AnyPopulation
    sessions: int
    seed: int


def _answer(question: _Question) -> dict[str, Any]:
    """What the probe finds, in any process."""
    return probe(
        question.probe,
        question.router,
        question.population,
        training=question.training,
        sessions=question.sessions,
        seed=question.seed,
    ).document()


def _sources() -> dict[str, Path]:
    """The files that decide findings, beside those that decide what is played."""
    folder = Path(probes.__file__).parent
    return {path.name: path for path in sorted(folder.glob("*.py"))}


class _Kept:
    """Findings, and the folder that holds them if there is one; it is made if it is missing.

    Raises:
        CarouselError: the folder cannot be read or written, or holds those of another request.
    """

    def __init__(self, folder: Path | None, request: Mapping[str, Any], *, force: bool) -> None:
        self._request = dict(request)
        self._path = folder / FINDINGS if folder else None
        self._found: dict[tuple[str, str, str], dict[str, Any]] = {}
        if folder is None or self._path is None:
            return
        check_folder(folder)
        check_writable(self._path)
        for name in (SUMMARY, PAGE):
            check_writable(folder / name)
        if self._path.exists() and not force:
            for entry in _entries(self._path, self._request):
                self._found[entry["policy"], entry["sha256"] or "", entry["probe"]] = entry

    @property
    def document(self) -> dict[str, Any]:
        """All that was found, in the order of its keys, with what was asked for and the versions
        that answered."""
        return {**self._request, "findings": [self._found[key] for key in sorted(self._found)]}

    @property
    def after_interruption(self) -> str:
        """What an interruption means."""
        if self._path is None:
            return "interrupted; with --out DIR the same command would go on from here"
        return "interrupted; the same command goes on from here"

    def has(self, player: Player, name: str) -> bool:
        """Whether a question was answered."""
        return (player.policy, player.sha256 or "", name) in self._found

    def keep(self, player: Player, finding: Mapping[str, Any]) -> None:
        """Keep an answer, and write all of them down."""
        entry = {
            "router": player.name,
            "policy": player.policy,
            "sha256": player.sha256,
            "training_seed": player.columns["training_seed"],
            **finding,
        }
        self._found[player.policy, player.sha256 or "", finding["probe"]] = entry
        if self._path is not None:
            text = json.dumps(clean(self.document), indent=2, allow_nan=False)
            write_whole(self._path, f"{text}\n".encode())

    def of(self, players: Sequence[Player], probes: Sequence[str]) -> list[dict[str, Any]]:
        """The answers of these routers, in order."""
        return [
            self._found[player.policy, player.sha256 or "", name]
            for player in players
            for name in probes
        ]


def _entries(path: Path, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The findings in a file, if they are of this request.

    Raises:
        CarouselError: they are not, or the file holds no findings.
    """
    try:
        document = json.loads(read_whole(path))
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError):
        document = None
    keys = {"policy", "sha256", "probe"}
    entries = document.get("findings") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and keys <= entry.keys() for entry in entries
    ):
        raise CarouselError(
            f"{shown_path(path)} holds no findings of this command; --force replaces it"
        )
    for name, value in request.items():
        if document.get(name) != value:
            raise CarouselError(
                f"{shown_path(path)} holds findings whose {name} is {document.get(name)!r}, and "
                f"{value!r} is asked for; --force replaces them"
            )
    return entries


def _print(env: str, findings: Sequence[Mapping[str, Any]]) -> None:
    for policy in dict.fromkeys(finding["policy"] for finding in findings):
        own = [finding for finding in findings if finding["policy"] == policy]
        console.print_table(
            f"{policy} on {env}",
            ("probe", "verdict", "reason"),
            ((one["probe"], one["verdict"] or "cannot say", one["reason"]) for one in own),
        )
