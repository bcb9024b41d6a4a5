"""The finding of a check, and the report of all findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from ..foundation.errors import CarouselError

Outcome = Literal["passed", "failed", "skipped", "noted"]


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: name of the check.
        outcome: "passed"; "failed"; "skipped" (it does not apply, or could not be tried); "noted"
            (worth knowing, and not wrong by itself).
        message: one sentence.
    """

    check: str
    outcome: Outcome
    message: str

    def __str__(self) -> str:
        return f"{self.outcome:<8}{self.check:<24}{self.message}"


@dataclass(frozen=True)
class Report:
    """The results of all checks.

    Attributes:
        environment: the environment, as it prints itself.
        findings: one per check, in the order in which they ran.
    """

    environment: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings of the checks that failed."""
        return tuple(finding for finding in self.findings if finding.outcome == "failed")

    def raise_if_failed(self) -> None:
        """Raise if a check failed.

        Raises:
            CarouselError: some did; the message has a line for each of them.
        """
        if self.failures:
            lines = [f"{finding.check}: {finding.message}" for finding in self.failures]
            raise CarouselError("\n".join([f"{self.environment} fails:", *lines]))

    def __str__(self) -> str:
        counts = [
            f"{sum(finding.outcome == outcome for finding in self.findings)} {outcome}"
            for outcome in ("passed", "failed", "skipped", "noted")
        ]
        return "\n".join([f"{self.environment}: {', '.join(counts)}", *map(str, self.findings)])


class Verdict(NamedTuple):
    """A finding to which the name of its check is still to be added."""

    outcome: Outcome
    message: str


def passed(message: str) -> Verdict:
    """All is well."""
    return Verdict("passed", message)


def failed(message: str) -> Verdict:
    """Something is wrong."""
    return Verdict("failed", message)


def skipped(message: str) -> Verdict:
    """The check does not apply, or could not be tried."""
    return Verdict("skipped", message)


def noted(message: str) -> Verdict:
    """Worth knowing, and not wrong by itself."""
    return Verdict("noted", message)
