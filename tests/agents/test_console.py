"""Tables on standard output: however narrow it is, every figure is told whole."""

from io import StringIO

import pytest
from rich.console import Console

from carousel_agents import console

HEADS = ("axis", *(f"router-{i}" for i in range(9)))
ROWS = [(f"axis-{i}", *(f"{i}.{j}25" for j in range(9))) for i in range(3)]


@pytest.fixture(params=[30, 60, 80, 300])
def printed(request, monkeypatch):
    out = StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=out, width=request.param))
    console.print_table("Scores", HEADS, ROWS)
    return request.param, out.getvalue()


def test_numbers_and_names_stay_whole_and_nothing_is_told_twice(printed):
    width, text = printed
    words = text.split()
    assert all(words.count(cell) == 1 for row in ROWS for cell in row[1:])
    assert all(words.count(head) == 1 for head in HEADS[1:])
    assert max(map(len, text.splitlines())) <= width


def test_names_stand_in_every_table(printed):
    width, text = printed
    tables = text.split().count("axis")
    assert tables == {30: 9, 60: 3, 80: 2, 300: 1}[width]
    assert all(text.split().count(row[0]) == tables for row in ROWS)


def test_words_give_way_beside_each_other(monkeypatch):
    out = StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=out, width=40))
    console.print_table("Shifts", ("axis", "what"), [("hazard", "users become bored " * 5)])
    assert "hazard" in out.getvalue()
    assert out.getvalue().split().count("bored") == 5
