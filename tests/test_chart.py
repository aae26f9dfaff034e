"""The charts of the catalogue: which networks stand on the frontier, and that every picture is whole."""

import numpy as np
import pytest

from kerascnn.catalogue import list_models
from kerascnn.cli import main
from kerascnn.report.chart import Point, chart, frontier
from kerascnn.workflows.chart import of_file, of_records, points


def some(n: int = 12) -> list[Point]:
    random = np.random.default_rng(0)
    macs, noise = 10 ** random.uniform(7, 10.5, n), random.normal(0, 2, n)
    tops = [None if i % 4 == 3 else float(20 + 5 * np.log10(macs[i]) + noise[i]) for i in range(n)]
    return [Point(f"Net{i}", f"Family{i % 3}", int(macs[i] / 100), macs[i], top1) for i, top1 in enumerate(tops)]


def test_the_frontier_holds_what_nothing_smaller_equals():
    networks = [Point(*row) for row in (("a", "f", 1, 5, 60.0), ("b", "f", 1, 7, 60.0), ("c", "f", 1, 6, 70.0))]
    assert [p.name for p in frontier(networks, lambda p: p.macs)] == ["a", "c"]


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_a_chart_is_the_same_every_time(suffix, tmp_path):
    first, second = (chart(some(), tmp_path / f"{i}{suffix}", "a source").read_bytes() for i in (1, 2))
    assert first == second and len(first) > 5000
    if suffix == ".svg":
        text = first.decode()
        assert all(p.name in text for p in frontier([p for p in some() if p.top1], lambda p: p.macs))
        assert "a source" in text and "9 of 12 networks" in text


def test_names_cover_nothing(monkeypatch, tmp_path):
    """No two names overlap, and no name lies on a mark, however crowded the catalogue is."""
    from matplotlib.text import Text

    import kerascnn.report.chart as module

    drawn = []
    monkeypatch.setattr(module, "save", lambda figure, path: drawn.append(figure))
    chart(some(150), tmp_path / "crowded.svg")
    drawn[0].canvas.draw()
    for axes in drawn[0].axes[:3]:
        boxes = [Text.get_window_extent(text) for text in axes.texts]
        assert len(boxes) > 3 and all(box.count_overlaps(boxes) == 1 for box in boxes)
        marks = [axes.transData.transform(c.get_offsets()[0]) for c in axes.collections]
        assert not any(box.contains(*mark) for box in boxes for mark in marks)


def test_nothing_to_draw_is_said(tmp_path):
    with pytest.raises(ValueError, match="None of these 1 networks has a published accuracy"):
        chart([Point("a", "f", 1, 1.0)], tmp_path / "none.svg")


def test_points_are_the_whole_catalogue_with_what_was_published():
    found = {point.name: point for point in points(of_records())}
    assert len(found) == len(list_models(task="classification"))
    resnet = found["ResNet18"]
    assert (resnet.parameters, resnet.family) == (11689512, "ResNet") and 69 < resnet.top1 < 74
    at_448 = points({"resnet18": (71.0, 448)}, "resnet18")[0]
    assert at_448.macs == 4 * 1.814073e9


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("network,accuracy\nresnet18,70\n", "columns network and top1"),
        ("network,top1\nresnet18,0\n", "percentage above 0"),
        ("network,top1\nresnet51,70\n", "no model 'resnet51'"),
    ],
)
def test_a_wrong_table_is_said(text, says, tmp_path):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(ValueError, match=says):
        of_file(tmp_path / "table.csv")


def test_the_command_draws(tmp_path, capsys):
    (tmp_path / "table.csv").write_text("network,top1,size\nResNet-18,70,\nresnet34,73,256\n")
    out = tmp_path / "new" / "resnets.svg"
    assert main(["chart", "resnet*", "--top1", str(tmp_path / "table.csv"), "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out) and "table.csv" in out.read_text()
    assert main(["chart", "--out", "catalogue.bmp"]) == 2
