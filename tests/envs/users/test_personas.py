"""The repertoire loads, is read-only and says what the examples need."""

from __future__ import annotations

import pytest

from carousel_envs import CarouselError, Persona, repertoire, trait_names


def test_traits_have_names_of_their_own():
    assert len(set(trait_names())) == len(trait_names()) == 4


def test_there_are_enough_personas_and_each_is_filed_under_its_name():
    assert len(repertoire()) >= 8
    for name, persona in repertoire().items():
        assert persona.name == name
        assert name == name.lower()


@pytest.mark.parametrize("name", repertoire())
def test_a_persona_is_complete(name):
    persona = repertoire()[name]
    assert len(persona.traits) == len(trait_names())
    assert all(-1.0 <= x <= 1.0 for x in persona.traits)
    assert any(persona.traits), "without traits nobody's taste could tell it apart"
    assert persona.description.endswith(".")
    assert persona.interests
    assert len(set(persona.interests)) == len(persona.interests)
    assert 2000 <= persona.knowledge_cutoff <= 2030


def test_no_two_personas_point_the_same_way():
    traits = [persona.traits for persona in repertoire().values()]
    assert len(set(traits)) == len(traits)


def test_alice_knows_the_world_up_to_2025_and_bob_up_to_2020():
    assert repertoire()["alice"].knowledge_cutoff == 2025
    assert repertoire()["bob"].knowledge_cutoff == 2020


def test_the_repertoire_and_its_personas_cannot_be_changed():
    with pytest.raises(TypeError):
        repertoire()["eve"] = repertoire()["alice"]
    with pytest.raises(CarouselError, match="Persona is frozen"):
        repertoire()["alice"].knowledge_cutoff = 1990
    assert isinstance(repertoire()["alice"], Persona)
