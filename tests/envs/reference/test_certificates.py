"""Certificates: what they prove by enumeration, and that nothing else passes the checker."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, Population
from carousel_envs.reference import certificate, proofs, solve
from carousel_envs.reference.certificate import certify
from carousel_envs.reference.closing import Closing
from carousel_envs.reference.model import Model
from carousel_envs.rollout import rollout
from support.enumeration import Problem, draws, optimum, tiny
from support.properties import examples


def few(seed: int, kinds: int = 2, personas: int = 2, length: int = 4) -> Population:
    """Tiny users who differ in whom they like alone."""
    return tiny(
        seed, kinds=kinds, personas=personas, length=length, boredom_hazard=0.2, hazard_relief=0.0
    )


@cache
def made() -> proofs.Certificate:
    return certify(few(3, kinds=3, personas=3, length=5), Closing.of(0.005, None, None))


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(2, 3))
@examples(20)
def test_what_is_proven_encloses_the_enumerated_optimum(seed, kinds, personas):
    population = few(seed, kinds, personas)
    found = certify(population, Closing.of(0.005, None, None))
    best = optimum(Problem.of(population))
    assert found.lower <= best <= found.upper
    assert found.upper - found.lower <= 0.02 * abs(best)


def test_a_certificate_is_written_and_verified(tmp_path):
    path = tmp_path / "few.certificate"
    population = few(3)
    reference = solve(population, certificate=path)
    held = proofs.verify(path)
    assert held.population == population
    assert held.lower == pytest.approx(reference.value, abs=1e-6)
    # the checker mixes the points of a few turns, and may lie above
    assert -1e-6 <= held.upper - reference.value_upper < 0.01 * reference.value
    played = rollout(population, reference.policy, 20_000, seed=5)
    assert played.mean <= held.upper + 4 * played.standard_error


def test_missing_personas_are_contexts_of_their_own():
    population = few(5, personas=3).replace(unavailability=0.4, n_users=60)
    assert len(Model.of(population).masks) > 2
    found = certify(population, Closing.of(0.01, None, None))
    reference = solve(population)
    assert found.lower <= reference.value_upper + 1e-9
    assert reference.value <= found.upper + 1e-9


@pytest.mark.parametrize(
    "name", ["Taste", "Boredom", pytest.param("Unmask", marks=pytest.mark.slow)]
)
def test_presets_have_certificates(name, tmp_path):
    population = Population.preset(name)
    certify(population, Closing.of(0.02, None, None)).save(tmp_path / "preset")
    held, reference = proofs.verify(tmp_path / "preset"), solve(population)
    assert held.lower <= reference.value_upper
    assert reference.value <= held.upper
    assert held.upper - held.lower <= 0.022 * (held.lower - reference.blind)


def test_no_mutated_file_verifies(tmp_path):
    made().save(tmp_path / "whole")
    content, rng = (tmp_path / "whole").read_bytes(), np.random.default_rng(0)
    for n in range(1000):
        mutated = bytearray(content)
        at = int(rng.integers(len(content)))
        if n % 10 == 0:
            del mutated[at:]
        elif n % 10 == 1:
            mutated[at:at] = bytes([int(rng.integers(256))])
        else:
            mutated[at] ^= int(rng.integers(1, 256))
        (tmp_path / "mutated").write_bytes(mutated)
        with pytest.raises(CarouselError, match="is no certificate"):
            proofs.verify(tmp_path / "mutated")


@pytest.mark.parametrize("by", [1e-6, 1.0])
@pytest.mark.parametrize("name", ["lower", "upper"])
def test_a_bound_that_does_not_follow_is_refused(name, by, tmp_path):
    claimed = getattr(made(), name) + (by if name == "lower" else -by)
    replace(made(), **{name: claimed}).save(tmp_path / "planted")
    with pytest.raises(CarouselError, match=f"refused: its {name} bound is .* is what follows"):
        proofs.verify(tmp_path / "planted")


def test_another_population_is_refused(tmp_path):
    foreign = made().population.replace(boredom_hazard=0.3)
    replace(made(), population=foreign).save(tmp_path / "foreign")
    with pytest.raises(CarouselError, match="is refused: its lower bound is"):
        proofs.verify(tmp_path / "foreign")


def edited(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Arrays with one number of one of them changed."""
    arrays = {name: array.copy() for name, array in made().arrays.items()}
    name = sorted(arrays)[int(rng.integers(len(arrays)))]
    array = arrays[name].reshape(-1)
    if array.size:
        at = int(rng.integers(array.size))
        array[at] += rng.choice([-1, 1]) * (1 if array.dtype.kind == "i" else rng.uniform(0.01, 1))
    return arrays


def test_edited_proofs_prove_no_more_than_what_holds():
    # the optimum lies above any lower bound that is proven, and below any upper one
    best = optimum(Problem.of(made().population))
    rng, refused = np.random.default_rng(1), 0
    for _ in range(300):
        try:
            below, above = proofs.proven(replace(made(), arrays=edited(rng)))
        except CarouselError:
            refused += 1
            continue
        assert below <= best <= above
    assert 5 < refused < 295


def test_what_is_missing_or_of_another_form_is_refused():
    arrays = dict(made().arrays)
    for name, array in made().arrays.items():
        without = {other: arrays[other] for other in arrays if other != name}
        with pytest.raises(CarouselError, match="it proves nothing"):
            proofs.proven(replace(made(), arrays=without))
        if name in ("0/turn", "0/before", "0/report", "0/stop", "0/never", "0/points 0"):
            with pytest.raises(CarouselError, match="it proves nothing"):
                proofs.proven(replace(made(), arrays={**arrays, name: -1 - array}))


def test_users_without_certificate(tmp_path):
    with pytest.raises(CarouselError, match="there is no certificate for these users"):
        solve("Satiation", certificate=tmp_path / "x")
    differ = tiny(0, kinds=2, personas=2, length=4)
    with pytest.raises(CarouselError, match="there is no certificate for these users"):
        solve(differ, certificate=tmp_path / "x")
    goodbyes = few(0).replace(**draws(0, 2, farewells=True))
    with pytest.raises(CarouselError, match="there is no certificate for these users"):
        solve(goodbyes, certificate=tmp_path / "x")
    with pytest.raises(CarouselError, match="certificates are about users"):
        solve("Recall", certificate=tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_file_of_something_else_is_no_certificate(tmp_path):
    for content in (b"", b"text", bytes(100)):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(CarouselError, match="is no certificate: it was damaged or edited"):
            proofs.verify(tmp_path / "other")
    with pytest.raises(CarouselError, match="cannot be read"):
        proofs.verify(tmp_path / "nowhere")


def test_the_checker_is_short_and_knows_no_solver():
    source = Path(proofs.__file__ or "").with_name("checker.py")
    lines = source.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200
    assert [line for line in lines if line.startswith(("import", "from"))] == [
        "from __future__ import annotations",
        "from typing import Any",
        "import numpy as np",
    ]


def test_users_without_certificate_are_refused_before_anything_is_searched(monkeypatch):
    monkeypatch.setattr(certificate, "search_for", None)
    with pytest.raises(CarouselError, match="there is no certificate for these users"):
        certify(tiny(0, kinds=2, personas=2, length=4), Closing.of(None, None, None))
