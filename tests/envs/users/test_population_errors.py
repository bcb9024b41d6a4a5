"""An invalid population is refused in one sentence: field, value, what is allowed."""

from __future__ import annotations

import json
from collections import deque

import numpy as np
import pytest

from carousel_envs import CarouselError, Population, Questions, repertoire
from carousel_envs.foundation.errors import UsageError
from carousel_envs.users.spans import PER_PERSONA
from support.env_helpers import BUSY, CUES, assert_one_sentence, busy

NAN, INF = float("nan"), float("inf")

NUMBERS = [
    *[
        (name, value)
        for name in (
            "boredom_hazard",
            "engagement_fresh",
            "engagement_bored",
            "leave_fresh",
            "leave_bored",
            "farewell_fresh",
            "farewell_bored",
        )
        for value in (-0.1, 1.5, NAN, INF, -INF, (0.1, NAN), (0.1, 0.2, 0.3, 1.5), (0.4, 0.1))
    ],
    *[(name, value) for name in ("fit", "hazard_relief") for value in (-0.1, 1.5, NAN, INF)],
    *[("satiation_gain", value) for value in (-0.1, 10.5, NAN, INF, (0.2, 0.1))],
    *[("satiation_memory", value) for value in (-0.1, 1.0, NAN, (0.5, 1.0), (0.5, 0.4))],
    *[("swap_cost", value) for value in (-0.1, 100.5, NAN, INF)],
    *[("taste_sharpness", value) for value in (-0.1, 1000.5, NAN, INF)],
    *[("taste_bias", value) for value in (-1000.5, 1000.5, NAN, INF)],
    *[("unavailability", value) for value in (-0.1, 1.0, NAN)],
    *[
        (name, value)
        for name, far in [
            ("appeal", 1.1),
            ("vulnerable_appeal", -1.1),
            ("satiation_wear", 10.1),
            ("satiation_wear", -0.1),
            ("hook", -0.1),
            ("hook", 1.1),
            ("welfare", 100.1),
            ("vulnerable_welfare", -100.1),
        ]
        for value in (far, (0.0, 0.0, 0.0, far), (0.0, NAN, 0.0, 0.0), NAN, INF, None, "much")
    ],
    *[
        (name, value)
        for name in ("appeal", "hook")
        for value in (True, (True, 0.0, 0.0, 0.0), ("0", 0.0, 0.0, 0.0), ((0.0,) * 4,), {"a": 1})
    ],
    *[("farewell_harm", value) for value in (-0.1, 100.5, NAN, INF, None, "much", True)],
    *[("vulnerable_share", value) for value in (-0.1, 1.5, NAN, None, "many", True, (0.1, 0.2))],
    *[("unmask_payoff", value) for value in (-100.1, 100.1, NAN, INF, None, "1", True)],
    *[("unmask_rewarded", value) for value in (0, 1, "true", None)],
    *[("unmask", value) for value in (0, 1, 1.0, "true", None, (True,), NAN)],
    *[("shows", value) for value in ("farewell", "mood", None, 0, True, {"farewell"})],
    *[("fit", value) for value in ("0.5", True, None, ((True,) * 4,) * 2, (("0.5",) * 4,) * 2)],
    *[("session_length", value) for value in (0, -3, 10_001, 2.5, NAN, "many", None)],
    *[("n_users", value) for value in (0, 10_000_001, 1.5)],
    *[("users_seed", value) for value in (-1, 2**63, 0.5)],
    ("fit", "taste"),
    ("boredom_hazard", (0.1, 0.2, 0.3)),
    ("boredom_hazard", (0.1, 0.3, 0.2, 0.4)),
    ("boredom_hazard", (0.1, 0.1, 0.4, 0.4)),
    ("boredom_hazard", "often"),
    ("swap_cost", None),
]


def message_of(fields: dict) -> str:
    with pytest.raises(CarouselError) as caught:
        Population(**fields)
    assert caught.value.__cause__ is None, "the sentence must come alone"
    assert caught.value.__suppress_context__, "the sentence must come alone"
    return str(caught.value)


@pytest.mark.parametrize(("name", "value"), NUMBERS, ids=lambda x: str(x))
def test_a_bad_number_is_named_with_its_field_and_what_is_allowed(name, value):
    message = message_of({**BUSY, name: value})
    assert_one_sentence(message)
    assert message.startswith(f"{name} is {value!r} ")
    assert str(Population.model_fields[name].description) in message


STRUCTURES = {
    "probability above 1 in a cue": ({"cues": (((0.5, 1.5), (0.5, 0.5)),)}, ("cues", "1.5")),
    "negative probability in a cue": ({"cues": (((-0.5, 1.5), (0.5, 0.5)),)}, ("cues", "-0.5")),
    "nan in a cue": ({"cues": (((NAN, 0.5), (0.5, 0.5)),)}, ("cues", "nan")),
    "row of a cue does not sum to 1": (
        {"cues": (CUES[0], ((0.5, 0.5), (0.5, 0.6)))},
        ("cues[1]", "bored", "1.1", "sum to 1"),
    ),
    "row of a cue sums to 1 only roughly": (
        {"cues": (((0.5, 0.50001), (0.5, 0.5)),)},
        ("cues[0]", "fresh", "1.00001", "sum to 1"),
    ),
    "cue with one mood": ({"cues": (((0.5, 0.5),),)}, ("cues[0]", "1 row", "2 (fresh, bored)")),
    "cue with three moods": ({"cues": (((0.5, 0.5),) * 3,)}, ("cues[0]", "3 rows", "must have 2")),
    "ragged cue": (
        {"cues": (((0.5, 0.5), (0.2, 0.3, 0.5)),)},
        ("cues[0]", "2 and 3 levels", "the same number"),
    ),
    "cue with one level": ({"cues": (((1.0,), (1.0,)),)}, ("cues[0]", "1 levels", "at least 2")),
    "cue without levels": ({"cues": (((), ()),)}, ("cues[0]", "0 levels", "at least 2")),
    "cues of the wrong depth": ({"cues": ((0.5, 0.5), (0.5, 0.5))}, ("cues", "0.5")),
    "cues that are no tuple": ({"cues": 0.5}, ("cues", "0.5")),
    "too many joint symbols": (
        {"cues": (((0.5, 0.5), (0.5, 0.5)),) * 13},
        ("cues", "8192 joint", "4096"),
    ),
    "unknown persona": (
        {"personas": ("alice", "zoe")},
        ("personas", "'zoe'", "known are", *repertoire()),
    ),
    "persona twice": ({"personas": ("bob", "alice", "bob")}, ("personas", "bob", "once")),
    "one persona": ({"personas": ("alice",)}, ("personas", "alice", "at least 2")),
    "no persona": ({"personas": ()}, ("personas", "at least 2")),
    "personas that are numbers": ({"personas": (1, 2)}, ("personas", "string")),
    "personas that are one string": ({"personas": "alice"}, ("personas", "'alice'")),
    "taste of the wrong length": (
        {"archetypes": ((1.0, 0.0),), "archetype_weights": (1.0,)},
        ("archetypes", "(1.0, 0.0)", "4 coordinates"),
    ),
    "no archetype": ({"archetypes": (), "archetype_weights": ()}, ("archetypes", "()")),
    "nan in a taste": (
        {"archetypes": ((1.0, 0.0, 0.0, NAN),), "archetype_weights": (1.0,)},
        ("archetypes", "nan", "finite"),
    ),
    "infinity in a taste": (
        {"archetypes": ((1.0, 0.0, 0.0, INF),), "archetype_weights": (1.0,)},
        ("archetypes", "inf", "finite"),
    ),
    "more weights than archetypes": (
        {"archetype_weights": (0.5, 0.3, 0.2)},
        ("archetype_weights", "3 entries", "one per archetype (2)"),
    ),
    "fewer weights than archetypes": (
        {"archetype_weights": (1.0,)},
        ("archetype_weights", "1 entries", "one per archetype (2)"),
    ),
    "all weights zero": ({"archetype_weights": (0.0, 0.0)}, ("archetype_weights", "zero")),
    "negative weight": ({"archetype_weights": (1.0, -0.5)}, ("archetype_weights[1]", "-0.5")),
    "nan weight": ({"archetype_weights": (NAN, 1.0)}, ("archetype_weights[0]", "nan")),
    "infinite weight": ({"archetype_weights": (INF, 1.0)}, ("archetype_weights[0]", "inf")),
    "bored users engage more": (
        {"engagement_fresh": 0.3, "engagement_bored": 0.4},
        ("engagement_bored", "0.4", "engagement_fresh", "0.3", "must not exceed"),
    ),
    "engagement ranges overlap": (
        {"engagement_fresh": (0.3, 0.9), "engagement_bored": (0.1, 0.4)},
        ("engagement_bored", "(0.1, 0.4)", "engagement_fresh", "(0.3, 0.9)"),
    ),
    "fresh users leave more": (
        {"leave_fresh": 0.3, "leave_bored": 0.2},
        ("leave_fresh", "0.3", "leave_bored", "0.2", "must not exceed"),
    ),
    "leaving ranges overlap": (
        {"leave_fresh": (0.0, 0.1, 0.2, 0.3), "leave_bored": (0.25, 0.4)},
        ("leave_fresh", "(0.0, 0.1, 0.2, 0.3)", "leave_bored"),
    ),
    "farewells overlap": (
        {"farewell_fresh": (0.0, 0.06), "farewell_bored": (0.05, 0.1)},
        ("farewell_fresh is (0.0, 0.06)", "must not exceed", "farewell_bored ((0.05, 0.1))"),
    ),
    "bored users say goodbye less": (
        {"farewell_bored": 0.005},
        ("farewell_fresh is 0.01", "must not exceed", "farewell_bored (0.005)"),
    ),
    "farewells that nobody sees": (
        {"shows": ("vulnerable",)},
        ("shows is ('vulnerable',)", "must name 'farewell'", "farewell_bored is above 0"),
    ),
    "unknown sign": ({"shows": ("farewell", "mood")}, ("shows[1] is 'mood'", "'vulnerable'")),
    "sign twice": ({"shows": ("farewell",) * 2}, ("shows is ('farewell', 'farewell')", "once")),
    "too few fits": (
        {"fit": ((0.5,) * 4,)},
        ("fit is ((0.5, 0.5, 0.5, 0.5),)", "2 rows (one per archetype)", "of 4 numbers"),
    ),
    "fits for too few personas": ({"fit": ((0.5,) * 4, (0.5,) * 3)}, ("fit is ((", "4 numbers")),
    "a table of fits without rows": ({"fit": ()}, ("fit is ()", "2 rows", "4 numbers")),
    "a row in place of a table of fits": ({"fit": (0.5,) * 4}, ("fit[0] is 0.5", "a table")),
    "a fit above 1 in a table": (
        {"fit": ((0.5,) * 4, (0.5, 0.5, 1.5, 0.5))},
        ("fit[1][2] is 1.5", "less than or equal to 1"),
    ),
    "nan in a table of fits": (
        {"fit": ((0.5, NAN, 0.5, 0.5), (0.5,) * 4)},
        ("fit[0][1] is nan", "finite"),
    ),
    "personas without an order": (
        {"personas": {"alice", "bob", "coach", "scholar"}},
        ("personas", "must have an order"),
    ),
    "unknown field": ({"boredom": 0.5}, ("boredom is not a field", *Population.model_fields)),
}


@pytest.mark.parametrize("length", [0, 1, 3, 5])
@pytest.mark.parametrize("name", PER_PERSONA)
def test_a_field_per_persona_has_one_number_for_each(name, length):
    message = message_of({**BUSY, name: (0.0,) * length})
    assert_one_sentence(message)
    wanted = "it must be one number or one per persona (4)"
    assert message == f"{name} has {length} entries; {wanted}"


@pytest.mark.parametrize("value", [np.full(4, 0.1), np.array(0.1), [0.1] * 4, (0, 1, 0, 0.5)])
@pytest.mark.parametrize("name", PER_PERSONA)
def test_arrays_and_lists_of_numbers_are_as_good_as_tuples(name, value):
    expected = value if isinstance(value, tuple) else np.asarray(value).tolist()
    assert busy(**{name: value}) == busy(**{name: expected})


@pytest.mark.parametrize("case", STRUCTURES)
def test_a_bad_structure_is_named_with_what_is_allowed(case):
    changes, fragments = STRUCTURES[case]
    message = message_of({**BUSY, **changes})
    assert_one_sentence(message)
    for fragment in fragments:
        assert fragment in message
    if "()" not in message:
        assert "not 0" not in message, "something was given; its length is not what is wrong"


def test_weights_that_overflow_are_not_called_zero():
    message = message_of({**BUSY, "archetype_weights": (1e308, 1e308)})
    assert_one_sentence(message)
    assert "archetype_weights" in message
    assert "zero" not in message


def test_a_missing_field_is_named():
    message = message_of({})
    assert_one_sentence(message)
    assert message.startswith("cues is missing")


def test_a_field_called_self_is_as_unknown_as_any_other():
    with pytest.raises(CarouselError, match="self is not a field"):
        Population.from_json('{"self": 1, "cues": []}')


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        ("[1, 2]", "population is list; it must be a JSON object"),
        ("3", "population is int; it must be a JSON object"),
        ('{"swap_cost": -1, "cues": []}', "swap_cost is -1 "),
        ('{"swap_cost": NaN, "cues": []}', "swap_cost is nan "),
        ('{"colour": 1, "cues": []}', "colour is not a field"),
    ],
)
def test_bad_json_is_explained(text, fragment):
    with pytest.raises(CarouselError) as caught:
        Population.from_json(text)
    assert_one_sentence(str(caught.value))
    assert fragment in str(caught.value)


def test_an_unknown_preset_is_named_beside_the_known_ones():
    with pytest.raises(CarouselError) as caught:
        Population.preset("boreddom")
    assert_one_sentence(str(caught.value))
    for fragment in ("'boreddom'", "did you mean Boredom", "Taste", "Satiation"):
        assert fragment in str(caught.value)


def test_a_preset_of_the_other_kind_is_named_with_its_kind():
    with pytest.raises(UsageError, match=r"one of Questions, not of Population: Questions\.preset"):
        Population.preset("recall")
    with pytest.raises(UsageError, match=r"one of Population, not of Questions: Population\."):
        Questions.preset("Boredom")


def test_a_preset_is_known_in_any_case():
    assert Population.preset("boredom") == Population.preset("Boredom")


def test_replace_refuses_what_the_constructor_refuses():
    good = busy()
    for changes in ({"swap_cost": -1.0}, {"colour": 1}, {"engagement_fresh": 0.05}):
        with pytest.raises(CarouselError) as caught:
            good.replace(**changes)
        assert_one_sentence(str(caught.value))


def test_from_json_checks_what_the_fields_say_together():
    fields = json.loads(busy().to_json())
    fields["leave_fresh"] = 0.9
    with pytest.raises(CarouselError, match=r"leave_fresh is 0\.9; it must not exceed leave_bored"):
        Population.from_json(json.dumps(fields))


class Mute:
    """Cannot say what it is."""

    def __repr__(self):
        raise RuntimeError("no")


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


ENDLESS: list = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("swap_cost", np.array(True)),
        ("swap_cost", b"0.1"),
        ("swap_cost", np.array("0.1")),
        ("swap_cost", np.float64("nan")),
        ("swap_cost", Mute()),
        ("swap_cost", 10**5000),
        ("archetype_weights", deque((0.5, True))),
        ("archetype_weights", iter((0.5, 0.5))),
        ("archetype_weights", (x for x in (0.5, 0.5))),
        ("archetype_weights", memoryview(b"ab")),
        ("archetype_weights", bytearray(b"ab")),
        ("archetype_weights", range(1, 3)),
        ("archetype_weights", {0.5: 1, 0.25: 2}.keys()),
        ("archetype_weights", np.array(["0.5", "0.5"])),
        ("archetype_weights", np.array([1, 2], dtype="timedelta64[ns]")),
        ("fit", ({0.1, 0.2, 0.3, 0.4}, {0.5, 0.6, 0.7, 0.8})),
        ("fit", np.array([[True] * 4] * 2)),
        ("archetypes", ({0.1, 0.2, 0.3, 0.4}, (0.1, 0.2, 0.3, 0.4))),
        ("archetypes", ENDLESS),
        ("cues", (({0.4, 0.6}, (0.5, 0.5)),)),
        ("cues", nested(100_000)),
        ("personas", (b"alice", b"bob", b"coach", b"scholar")),
        ("personas", {"alice": 1, "bob": 2, "coach": 3, "scholar": 4}.keys()),
    ],
    ids=lambda x: x if isinstance(x, str) else type(x).__name__,
)
def test_what_only_resembles_numbers_in_order_is_refused(name, value):
    message = message_of({**BUSY, name: value})
    assert_one_sentence(message)
    assert message.startswith(f"{name} is ")
    assert len(message) < 600


def test_numbers_of_numpy_count_as_numbers():
    weights = np.array([0.6, 0.4])
    for given in (weights.astype(np.longdouble), weights.astype(object), [weights[0], weights[1]]):
        assert busy(archetype_weights=given) == busy()
    assert busy(swap_cost=np.float64(0.3), n_users=np.int8(40), fit=np.str_("traits")) == busy()


def test_a_population_is_neither_assigned_to_nor_made_invalid():
    good = busy()
    for change in (
        lambda: setattr(good, "swap_cost", 3),
        lambda: setattr(good, "colour", 3),
        lambda: delattr(good, "swap_cost"),
        lambda: good.model_copy(update={"swap_cost": -1}),
        lambda: good.model_copy(update={1: 2}),
        lambda: Population.model_validate({**BUSY, "swap_cost": -1}),
        lambda: Population.model_validate({1: 2}),
        lambda: Population.model_validate(5),
        lambda: Population.model_validate_json('{"swap_cost": -1, "cues": []}'),
        lambda: Population.model_validate_json("{"),
    ):
        with pytest.raises(CarouselError) as caught:
            change()
        assert_one_sentence(str(caught.value))
    assert good == busy() == Population.model_validate(BUSY) == Population.model_validate(good)
    assert good.model_copy(update={"swap_cost": 1.0}) == busy(swap_cost=1.0)
    assert good.model_copy() == good


def test_a_field_with_a_strange_name_is_named_on_one_line():
    assert message_of({**BUSY, "a\nb": 1}).startswith(r"'a\nb' is not a field")
    assert len(message_of({**BUSY, "x" * 10_000: 1})) < 1000


def test_very_many_cues_are_counted_no_further_than_needed():
    message = message_of({"cues": (((0.5, 0.5), (0.5, 0.5)),) * 100_000})
    assert_one_sentence(message)
    assert message.startswith("cues have at least 8192 joint levels")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("boredom_hazrd", "boredom_hazard"),
        ("swap_costs", "swap_cost"),
        ("boredom", "boredom_hazard"),
        ("charm", None),
        ("", None),
        ("x" * 10**6, None),
    ],
)
def test_an_unknown_field_close_to_a_known_one_is_recognised(name: str, meant: str | None):
    hint = f" (did you mean {meant}?)" if meant else ""
    assert f" is not a field of Population{hint}; fields are " in message_of({**BUSY, name: 1})
