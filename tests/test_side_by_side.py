"""Ours beside others': rounds in turns, processes of their own, and tables that keep what is not measured again."""

import csv
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools/bench"))

from side_by_side import Apart, Found, compare, keep, ratios, spread


def counting(log, name):
    """Measures 0 at first, then 1, 2, ..."""
    number = 0
    while True:
        log.append(name)
        yield number
        number += 1


def broken():
    yield 0
    raise ValueError("no such network")


def holding(megabytes):
    """Measures in a process of its own, which then holds so much more memory."""
    yield 0
    held = []
    while True:
        held.append(bytearray(int(megabytes * 1e6)))
        held[-1][::1024] = b"1" * len(held[-1][::1024])
        yield float(len(held))


def ending():
    yield 0
    sys.exit(3)


def test_each_round_begins_with_another():
    log = []
    found = compare({name: lambda name=name: counting(log, name) for name in "abc"}, 3)
    assert "".join(log) == "abc" + "abc" + "bca" + "cab"
    assert {(these.first, *these.values) for these in found.values()} == {(0, 1, 2, 3)}


def test_ratios_are_of_rounds():
    """A round in which the machine was busy changes none of them."""
    ours, theirs = Found(0, [1.0, 10.0, 1.2]), Found(0, [2.0, 20.0, 2.4])
    assert ratios(ours, theirs) == (0.5, 0.5, 0.5)
    assert spread([4.0, 1.0, 2.0, 3.0, 5.0]) == (2, 3, 4) and spread([7.0]) == (7, 7, 7)


def test_processes_of_their_own(capsys):
    """Each tells its memory; one that cannot measure is said to and left out, whatever ends it."""
    ways = {
        "small": lambda: Apart(holding, 1),
        "large": lambda: Apart(holding, 60),
        "broken": lambda: Apart(broken),
        "ended": lambda: Apart(ending),
    }
    found = compare(ways, 2)
    assert [*found] == ["small", "large"] and found["large"].values == [2, 3]
    assert found["large"].megabytes - found["small"].megabytes == pytest.approx(177, rel=0.2)
    said = capsys.readouterr().out
    assert "broken does not run here: RuntimeError: ValueError: no such network" in said
    assert "ended does not run here: RuntimeError: its process has ended with status 3" in said


def test_lines_that_are_not_measured_again_stay(tmp_path):
    file = tmp_path / "table.csv"
    keep(file, ("network", "way"), [{"network": n, "way": w, "seconds": 1} for n in "ab" for w in "xy"])
    keep(file, ("network", "way"), [{"network": "a", "way": "y", "seconds": 2}])
    with file.open(newline="") as lines:
        found = [(row["network"] + row["way"], row["seconds"]) for row in csv.DictReader(lines)]
    assert found == [("ax", "1"), ("ay", "2"), ("bx", "1"), ("by", "1")]
