"""The progress bar, on what takes itself for a terminal and elsewhere."""

import time

import pytest

from kerascnn import progress


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "PATIENCE", 0.0)


def slowly(items):
    for item in items:
        time.sleep(0.1)
        yield item


def test_items_pass_through_and_are_counted(terminal, capsys):
    assert list(progress.track(slowly([1, 2, 3]), "checking images", 3)) == [1, 2, 3]
    written = capsys.readouterr()
    assert "checking images" in written.err and "%" in written.err and written.out == ""


def test_a_bar_appears_only_when_it_takes_long(terminal, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    assert list(progress.track(range(3), "checking images")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_bar_appears_only_on_a_terminal_and_only_where_it_is_wanted(terminal, monkeypatch, capsys):
    assert list(progress.track(slowly(range(2)), "checking images", shown=False)) == [0, 1]
    monkeypatch.delenv("FORCE_COLOR")
    assert list(progress.track(slowly(range(2)), "checking images")) == [0, 1]
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_moved_by_hand(terminal, capsys):
    with progress.bar("epoch 1", 4) as move:
        for done in slowly(range(3)):
            move(1, f"loss {done}.5")
        time.sleep(0.2)
    written = capsys.readouterr().err
    assert "epoch 1  loss 2.5" in written and "75%" in written


def test_bytes_are_counted_from_where_they_were(terminal, capsys):
    with progress.bar("weights", 4_000_000, done=1_000_000, sizes=True) as move:
        move(1_000_000)
        time.sleep(0.2)
    assert "2.0/4.0 MB" in capsys.readouterr().err


def test_steps_are_named(terminal, capsys):
    with progress.steps() as step:
        for name in slowly(["writing the file", "running it"]):
            step(name)
        time.sleep(0.2)
    assert "running it" in capsys.readouterr().err


def test_an_error_takes_the_bar_away(terminal, capsys):
    with pytest.raises(ValueError, match="broken"), progress.bar("epoch 1", 4):
        time.sleep(0.2)
        raise ValueError("broken")
    assert capsys.readouterr().err.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")
