"""`carousel reference --certificate` and `carousel verify`."""

from __future__ import annotations

import json

import pytest

from carousel_agents.commands import look
from carousel_envs import CarouselError
from carousel_envs.foundation.errors import UsageError

FEW = ["session_length=6"]


def test_a_certificate_is_written_and_checked(tmp_path, capsys):
    path = tmp_path / "taste.certificate"
    look.reference(env="Taste", changes=FEW, certificate=path, as_json=True)
    reference = json.loads(capsys.readouterr().out)
    look.verify(path, as_json=True)
    held = json.loads(capsys.readouterr().out)
    assert held["population_fingerprint"] == reference["population_fingerprint"]
    assert held["lower"] <= reference["value_upper"]
    assert reference["value"] <= held["upper"]
    assert held["population"]["session_length"] == 6
    look.verify(path)
    assert f"no router earns more than {held['upper']:.6f}" in capsys.readouterr().out


def test_what_cannot_be_proven_or_read_is_one_sentence(tmp_path):
    with pytest.raises(CarouselError, match="there is no certificate for these users"):
        look.reference(env="Satiation", certificate=tmp_path / "x")
    with pytest.raises(CarouselError, match="cannot be written"):
        look.reference(env="Taste", changes=FEW, certificate=tmp_path)
    with pytest.raises(UsageError, match="--certificate need an environment"):
        look.reference(every=True, certificate=tmp_path / "x")
    (tmp_path / "x").write_text("text")
    with pytest.raises(CarouselError, match="is no certificate"):
        look.verify(tmp_path / "x")
