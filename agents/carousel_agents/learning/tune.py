"""Search for settings on the training users, and on no others.

No argument lets a shifted population in: a search that had seen the target would turn its own
generalisation into training.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import whole_number
from carousel_envs.foundation.files import check_writable
from carousel_envs.reference import solve

from .run import Run
from .spaces import as_parameters, as_settings, propose
from .storage import STORAGE_ERRORS, TrainingError, open_study, usable
from .train import execute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from carousel_envs.registry import AnyPopulation

POINTS = 5
"""Evaluations on the way, after which a trial that lags behind the median is given up."""
_DIVERGED = "diverged"
# the first seeds are those that results are reported for
_FIRST_SEED = 10**6


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Attributes:
        settings: what differs from the preset or was searched for.
        engagement: mean per session over the seeds, on training users.
        preset_engagement: the same with the preset; None means that training with it diverged, and
            nothing else: no search ends before the preset was tried to its end.
        trials, pruned, failed: how many were finished, given up halfway, and diverged; what was
            killed is not counted.
    """

    settings: dict[str, Any]
    engagement: float
    preset_engagement: float | None
    trials: int
    pruned: int
    failed: int


def tune(
    population: AnyPopulation,
    *,
    storage: Path,
    trials: int = 50,
    seeds: int = 2,
    report: Callable[[int, int, float], None] | None = None,
    **request: Any,
) -> Tuned:
    """Search for settings by tree-structured Parzen estimators; goes on where it was cut short.

    The preset is among the trials. Every trial trains with the same seeds, which no reported result
    uses, and counts as the mean engagement of its last policies.

    Args:
        population: the training users.
        storage: SQLite file of the search; several processes may work on the same one.
        trials: how many in all, those of earlier calls included, 1 to 100 000; one more where an
            earlier call ended without the preset.
        seeds: training runs per trial, 1 to 100.
        report: called with (trials done, trials in all, best engagement so far).
        request: `environment`, `algorithm`, `steps` and `view` of every training run, as `Run.of`
            has them.

    Raises:
        CarouselError: an argument is not allowed, the algorithm has no search space, the storage
            belongs to another search or cannot be used, or no trial was finished.
    """
    whole_number("trials", trials, 1, 100_000)
    whole_number("seeds", seeds, 1, 100)
    request = {name: value for name, value in request.items() if value is not None}
    run = Run.of(population, **request)
    settings = run.settings.model_dump()
    preset = as_parameters(run.algorithm, settings)
    check_writable(storage)
    identity = {
        name: value
        for name, value in run.request().items()
        if name not in ("settings", "curve", "seed")
    } | {"steps": run.settings.steps, "seeds": seeds}
    study = open_study(storage, identity)

    def objective(trial: optuna.Trial) -> float:
        changes = propose(trial, run.algorithm, settings)
        attempts = [
            Run.of(population, **request, settings=changes, seed=_FIRST_SEED + i, curve=POINTS)
            for i in range(seeds)
        ]
        # the preset is what all others are compared with
        return _mean_engagement(trial, attempts, may_be_pruned=trial.params != preset)

    with usable(storage):
        while (done := _finished(study)) < trials or not _compared(study, preset):
            if report:
                report(min(done, trials), trials, _best(study))
            _enqueue(study, preset, last=done >= trials - 1)
            _try_one(study, objective)
        if report:
            report(trials, trials, _best(study))
        return _summary(study, preset)


def _mean_engagement(trial: optuna.Trial, attempts: Sequence[Run], *, may_be_pruned: bool) -> float:
    """Mean engagement of the last policies of these runs, whose points are reported to the study.

    Raises:
        CarouselError: training diverged.
        TrialPruned: the trial lags behind, and may be given up.
        TrainingError: training failed otherwise.
    """
    total, place = 0.0, 0
    for done, attempt in enumerate(attempts, start=1):

        def on_point(point: dict[str, float], done: int = done, before: float = total) -> None:
            # one scale for all seeds: points are counted over all of them
            nonlocal place
            place += 1
            trial.report((before + point["engagement"]) / done, place)
            # what is done is done
            unfinished = place < len(attempts) * POINTS
            if may_be_pruned and unfinished and trial.should_prune():
                raise optuna.TrialPruned

        try:
            file = execute(attempt, on_point=on_point)
        except CarouselError as error:
            trial.set_user_attr(_DIVERGED, str(error))
            raise
        except (optuna.TrialPruned, *STORAGE_ERRORS):
            raise
        except Exception as error:
            raise TrainingError(error) from error
        total += file.training["curve"][-1]["engagement"]
    return total / len(attempts)


def score_of(population: AnyPopulation, engagement: float | None) -> float | None:
    """An engagement on the scale of the population's reference; None for none."""
    return None if engagement is None else solve(population).score(engagement)


def _is_preset(trial: optuna.trial.FrozenTrial, preset: dict[str, Any]) -> bool:
    return preset in (trial.params, trial.system_attrs.get("fixed_params"))


def _compared(study: optuna.Study, preset: dict[str, Any]) -> bool:
    """Whether the preset was tried to its end, be that a divergence."""
    over = [*study.get_trials(states=(TrialState.COMPLETE,)), *_diverged(study)]
    return any(_is_preset(trial, preset) for trial in over)


def _enqueue(study: optuna.Study, preset: dict[str, Any], *, last: bool) -> None:
    """See to it that the preset is tried, even if its trial was killed.

    A trial that runs may be another process's, or one whose process was killed just now: its
    heartbeat tells only later. So it is waited for as long as there is something else to try, and
    no longer: at worst the preset is tried twice.
    """
    states = (TrialState.WAITING,) if last else (TrialState.WAITING, TrialState.RUNNING)
    under_way = study.get_trials(states=states)
    if not _compared(study, preset) and not any(_is_preset(t, preset) for t in under_way):
        study.enqueue_trial(preset)


def _try_one(study: optuna.Study, objective: Callable[[optuna.Trial], float]) -> None:
    """One trial; what killed processes left behind is given up first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.optimize(objective, n_trials=1, catch=(CarouselError,))


def _finished(study: optuna.Study) -> int:
    """Trials that came to an end of some kind; one that was killed did not."""
    over = (TrialState.COMPLETE, TrialState.PRUNED)
    return len(study.get_trials(states=over)) + len(_diverged(study))


def _diverged(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return [t for t in study.get_trials(states=(TrialState.FAIL,)) if _DIVERGED in t.user_attrs]


def _best(study: optuna.Study) -> float:
    done = study.get_trials(states=(TrialState.COMPLETE,))
    return max((t.value for t in done if t.value is not None), default=float("nan"))


def _summary(study: optuna.Study, preset: dict[str, Any]) -> Tuned:
    done = study.get_trials(states=(TrialState.COMPLETE,))
    if not done:
        raise CarouselError("no trial was finished: all of them diverged")
    best = study.best_trial
    first = next((trial.value for trial in done if _is_preset(trial, preset)), None)
    return Tuned(
        settings=as_settings(best.params),
        engagement=float(best.value or 0.0),
        preset_engagement=first,
        trials=len(done),
        pruned=len(study.get_trials(states=(TrialState.PRUNED,))),
        failed=len(_diverged(study)),
    )
