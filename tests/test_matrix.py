"""Every format holds every family that the table says it holds, and refuses the others with a reason."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from matrix import cell, cells, drawn, table

TABLE = {(row["family"], row["format"]): row for row in table()}


def test_the_table_has_a_row_for_each_family_and_format():
    assert list(TABLE) == cells()


def test_what_is_refused_has_a_reason():
    for row in TABLE.values():
        assert row["result"] in ("passed", "refused") and bool(row["why"]) == (row["result"] == "refused")


def test_onnx_moves_axes_at_its_ends_only():
    rows = [row for (_, format), row in TABLE.items() if format == "onnx"]
    assert all(row["result"] == "passed" and int(row["transposes"]) <= 2 for row in rows)


@pytest.mark.sharded
@pytest.mark.parametrize(("family", "format"), cells())
def test_a_format_holds_a_family_or_refuses_it_as_the_table_says(family, format):
    row = cell(family, format, drawn(family))
    assert row["result"] == TABLE[family, format]["result"], row["why"]
    for measure in ("operators", "transposes"):
        assert row[measure] == TABLE[family, format][measure]
