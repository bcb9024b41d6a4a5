"""Tables on standard output: however narrow it is, every figure is told whole."""

from io import StringIO

import pytest
from rich.console import Console

from carousel_agents.system import console

HEADS = ("axis", *(f"router-{i}" for i in range(9)))
ROWS = [(f"axis-{i}", *(f"{i}.{j}25" for j in range(9))) for i in range(3)]


@pytest.fixture(params=[30, 60, 80, 300])
def printed(request, monkeypatch):
    out = StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=out, width=request.param))
    console.print_table("Scores", HEADS, ROWS)
    return request.param, out.getvalue()


def test_numbers_and_names_stay_whole_and_nothing_is_printed_twice(printed):
    width, text = printed
    words = text.split()
    assert all(words.count(cell) == 1 for row in ROWS for cell in row[1:])
    assert all(words.count(head) == 1 for head in HEADS[1:])
    assert max(map(len, text.splitlines())) <= width


def test_names_stand_in_every_table(printed):
    width, text = printed
    tables = text.split().count("axis")
    assert tables == {30: 5, 60: 2, 80: 2, 300: 1}[width]
    assert all(text.split().count(row[0]) == tables for row in ROWS)


def test_words_give_way_beside_each_other(monkeypatch):
    out = StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=out, width=40))
    console.print_table("Shifts", ("axis", "what"), [("hazard", "users become bored " * 5)])
    assert "hazard" in out.getvalue()
    assert out.getvalue().split().count("bored") == 5


DEMO = ("router", "seeds", "score", "95 % interval", "engagement", "turns", "left", "swaps")


def test_the_table_of_a_study_fits_eighty_columns_with_every_cell_on_one_line(monkeypatch):
    out = StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=out, width=80))
    row = ("memoryless", "1", "-4.840", "-4.927 to -4.787", "24.290", "40.0", "0.000", "29.90")
    console.print_table("Carousel/Boredom-v0, training users", DEMO, [row])
    _, _, heads, _, cells, _ = out.getvalue().splitlines()
    assert all(head in heads for head in DEMO)
    assert all(cell in cells for cell in row)
    assert max(map(len, out.getvalue().splitlines())) <= 80


HOSTILE = "a\x1b[31mb\x07\r\u202e\x9b2J"
ESCAPED = r"a\x1b[31mb\x07\r\u202e\x9b2J"


@pytest.mark.parametrize(
    "show",
    [
        console.say,
        console.print_document,
        lambda text: console.print_table("t", ("a", "b"), [(text, "x")]),
        lambda text: console.print_table(text, ("a", "b"), [("x", "x")]),
        lambda text: console.print_table("t", ("a", text), [("x", "x")]),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(show, monkeypatch):
    out = StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=out, width=120))
    show(HOSTILE)
    assert ESCAPED in out.getvalue()
    assert out.getvalue().replace("\n", "").isprintable()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_terminals_only_and_escapes_its_text(terminal, monkeypatch):
    err = StringIO()
    monkeypatch.setattr(console, "ERR", Console(file=err, width=80, force_terminal=terminal))
    with console.progress(HOSTILE) as bar:
        bar(1, 2, HOSTILE)
    with console.status(HOSTILE) as now:
        now(HOSTILE)
    if not terminal:
        assert err.getvalue() == ""
    else:
        assert ESCAPED in err.getvalue()
        assert "\x07" not in err.getvalue()


def test_a_progress_bar_has_room_at_eighty_columns(monkeypatch):
    err = StringIO()
    monkeypatch.setattr(console, "ERR", Console(file=err, width=80, force_terminal=True))
    with console.progress("training ppo") as bar:
        bar(2, 2, "return -10.32, exploring")
    assert "━" * 16 in err.getvalue()
