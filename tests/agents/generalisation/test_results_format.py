"""The page on results says what the schema says."""

from pathlib import Path

import polars as pl

from carousel_agents.generalisation.schema import COLUMNS

PAGE = Path(__file__).parents[3] / "docs" / "results_format.md"
WORDS = {pl.String(): "text", pl.Float64(): "real", pl.Int64(): "whole"}


def test_the_page_names_every_column_with_type_and_meaning_in_order():
    table = PAGE.read_text(encoding="utf-8").partition("| column | type | meaning |")[2]
    lines = [line for line in table.partition("\n\n")[0].splitlines() if line.startswith("| `")]
    assert lines == [
        f"| `{name}` | {WORDS[kind]} | {meaning} |" for name, (kind, meaning) in COLUMNS.items()
    ]
