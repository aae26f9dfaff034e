"""Files are written whole or not at all, cards come back as they were, and errors name the way out."""

import errno
import itertools
import json
import os
import shutil
import sys
from dataclasses import asdict, replace

import pytest

from kerascnn.card import Card
from kerascnn.catalogue import find
from kerascnn.errors import need, suggest
from kerascnn.files import clear_drafts, write_text, written_together, written_whole
from kerascnn.networks.codec import encode_row
from kerascnn.spec import Preprocess

CARD = Card(
    model="resnet18",
    labels=("a", "b"),
    preprocess=Preprocess(size=32, mean=(0.5,), std=(0.25,)),
    facts={"top1": 0.5, "epochs": [1, 2]},
)


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "before")
    with pytest.raises(RuntimeError), written_whole(path) as draft:
        draft.write_text("half of")
        raise RuntimeError
    assert path.read_text() == "before" and [p.name for p in path.parent.iterdir()] == ["file.txt"]
    write_text(path, "after")
    assert path.read_text() == "after"


def test_files_that_belong_together_are_replaced_together(tmp_path):
    paths = [tmp_path / "page.json", tmp_path / "page.html"]
    for text in ("before", "after"):
        with written_together(*paths) as drafts:
            for draft in drafts:
                draft.write_text(text)
            assert [path.name for path in drafts] == ["page.json", "page.html"]
    with pytest.raises(RuntimeError), written_together(*paths) as drafts:
        drafts[0].write_text("half of")
        raise RuntimeError
    assert [path.read_text() for path in paths] == ["after", "after"] and len([*tmp_path.iterdir()]) == 2


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EFBIG, os.strerror(errno.EFBIG)),
        RuntimeError(f"RESOURCE_EXHAUSTED: model.data: {os.strerror(errno.ENOSPC)} [Op:SaveV2]"),  # as TensorFlow says
    ],
    ids=["disk", "limit", "TensorFlow"],
)
def test_a_full_disk_is_told_as_that_and_costs_nothing(error, tmp_path):
    path = tmp_path / "file.txt"
    for kept in ("Nothing stands there", "What stood there before is kept"):
        says = rf", so {path} cannot be written\. {kept}; make room$"
        with pytest.raises(OSError, match=says) as told, written_whole(path) as draft, written_whole(draft) as inner:
            inner.write_text("half of")
            raise error
        assert told.value.errno in (errno.ENOSPC, errno.EFBIG) and str(told.value).count("cannot be written") == 1
        assert path.exists() == (kept != "Nothing stands there") and not list(tmp_path.glob(".writing-*"))
        write_text(path, "before")
    assert path.read_text() == "before"


def test_drafts_of_the_dead_are_cleared_and_those_of_the_living_kept(tmp_path):
    (tmp_path / ".writing-dead").mkdir()
    (tmp_path / ".writing-dead" / "half.txt").write_text("half")
    with written_whole(tmp_path / "file.txt") as draft:
        clear_drafts(tmp_path)
        assert not (tmp_path / ".writing-dead").exists()
        draft.write_text("whole")
    assert (tmp_path / "file.txt").read_text() == "whole" and len([*tmp_path.iterdir()]) == 1


def test_a_folder_that_was_moved_away_comes_back(tmp_path):
    """A folder is replaced in two steps, between which a process may be killed."""
    old = tmp_path / ".writing-dead" / ".old" / "net"
    old.mkdir(parents=True)
    (old / "saved_model.pb").write_text("old")
    clear_drafts(tmp_path)
    assert (tmp_path / "net" / "saved_model.pb").read_text() == "old" and len([*tmp_path.iterdir()]) == 1
    with written_whole(tmp_path / "net") as draft:
        draft.mkdir()
    assert not list((tmp_path / "net").iterdir()) and len([*tmp_path.iterdir()]) == 1


@pytest.mark.parametrize("folder", [False, True], ids=["a file", "a folder"])
@pytest.mark.parametrize("linked", [True, False], ids=["links", "no links"])
def test_a_pair_is_the_old_or_the_new_one_whenever_its_writer_is_killed(folder, linked, tmp_path, monkeypatch):
    """Killed before each of its steps in turn, until none is left: whoever reads it then finds two that fit."""

    def write(text):
        with written_together(Card.path(tmp_path / "net"), tmp_path / "net") as (card, file):
            file.mkdir() if folder else None
            (file / "part" if folder else file).write_text(text)
            card.write_text(json.dumps(asdict(replace(CARD, model=text))))

    def link(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    if not linked:
        monkeypatch.setattr(os, "link", link)
    found = []
    for step in itertools.count(1):
        shutil.rmtree(tmp_path)
        write("old")
        if (child := os.fork()) == 0:
            left = iter(range(step))
            sys.addaudithook(lambda event, _, left=left: event in STEPS and next(left, None) is None and os._exit(9))
            write("new")
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        model = Card.read(tmp_path / "net").model
        assert (tmp_path / "net" / ("part" if folder else "")).read_text() == model
        assert {path.name for path in tmp_path.iterdir()} == {"net", "net.json"}
        found.append(model)
        if ended == 0:
            break
    assert found == sorted(found, reverse=True) and {*found} == {"old", "new"} and len(found) > 6


STEPS = {"open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "os.unlink", "shutil.copyfile"}


def test_what_cannot_take_its_name_leaves_the_pair_that_was_there(tmp_path, monkeypatch):
    with written_together(tmp_path / "card", tmp_path / "file") as drafts:
        [draft.write_text("old") for draft in drafts]
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: rename(old, new if new.name != "file" else "no/such/place"))
    with pytest.raises(FileNotFoundError), written_together(tmp_path / "card", tmp_path / "file") as drafts:
        [draft.write_text("new") for draft in drafts]
    assert [(path.name, path.read_text()) for path in sorted(tmp_path.iterdir())] == [("card", "old"), ("file", "old")]


def test_a_card_alone_is_in_nobodys_way(tmp_path):
    """It is what a kill leaves between a card and its file; anything else of that name is somebody's."""
    file = tmp_path / "model.tflite"
    assert Card.in_the_way(file, "export") is None
    replace(CARD, facts={"export": {}}).write(file)
    assert Card.in_the_way(file, "export") is None
    assert Card.in_the_way(file, "compression") == Card.path(file)
    for other in ("[1, 2]", "no JSON", '{"mine": 1}', '{"facts": 3}'):
        Card.path(file).write_text(other)
        assert Card.in_the_way(file, "export") == Card.path(file)
    file.write_bytes(b"")
    assert Card.in_the_way(file, "export") == file


def test_a_card_comes_back_as_it_was(tmp_path):
    CARD.write(tmp_path / "model.tflite")
    assert Card.read(tmp_path / "model.tflite") == CARD
    assert (tmp_path / "model.tflite.json").is_file()


def test_a_card_knows_a_network_that_is_in_no_table(tmp_path):
    row = find("efficientnet_b0").replace(name="half", width=0.5, depth=0.5)
    replace(CARD, network=encode_row(row)).write(tmp_path / "model.tflite")
    assert Card.read(tmp_path / "model.tflite").row == row and CARD.row is None


def test_a_missing_or_damaged_card_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.onnx has no card: .*model\.onnx\.json is missing"):
        Card.read(tmp_path / "model.onnx")
    for text in ("{", "[]", 100_000 * "[", '{"model": "x"}', '{"model": "x", "labels": [], "preprocess": {"mean": 3}}'):
        (tmp_path / "model.onnx.json").write_text(text)
        with pytest.raises(ValueError, match=r"model\.onnx\.json is not a model card"):
            Card.read(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"size": "32"}, "size must be a whole number of pixels above 0; got '32'"),
        ({"size": 0}, "size must be a whole number of pixels above 0; got 0"),
        ({"crop": 0}, "crop must be a fraction above 0, up to 1; got 0"),
        ({"crop": "1"}, "crop must be a fraction"),
        ({"interpolation": "bilinaer"}, "interpolation is none that is known: 'bilinaer'. Did you mean 'bilinear'"),
        ({"interpolation": ["nearest"]}, "interpolation is none that is known"),
        ({"mean": ["a" * 900]}, r"mean must be a finite number for each channel; got \('a{12}\.\.\.a{13}',\)"),
        ({"mean": [float("nan")]}, "mean must be a finite number"),
        ({"mean": 3}, "mean must be a finite number for each channel; got 3"),
        ({"mean": []}, "mean must be a finite number"),
        ({"std": [0]}, "std must be a number above 0 for each channel"),
        ({"std": [-0.2]}, "std must be a number above 0 for each channel"),
        ({"std": [0.2, 0.2]}, "mean is of 1 channels and std of 2"),
        ({"squash": "no"}, "squash must be true or false; got 'no'"),
        ({"sice": 32}, "preprocess has no field 'sice'. Did you mean 'size'"),
        ({"model": 5}, "model must be a string; got 5"),
        ({"labels": [0, 1]}, r"labels must be class names, a string for each; got \(0, 1\)"),
        ({"labels": "ab"}, "labels must be class names, a string for each; got 'ab'"),
        ({"facts": [1]}, r"facts must be an object of names and values; got \[1\]"),
        ({"preprocess": 7}, "preprocess must be an object; got 7"),
        ({"network": "resnet18"}, "network must be an object, or null; got 'resnet18'"),
        ({"task": 3}, "task must be a string; got 3"),
        ({"labels": ["a", "\ud800"]}, r"labels must be class names, a string for each; got \('a', '\\ud800'\)"),
    ],
)
def test_a_card_with_a_wrong_field_names_it(changed, says, tmp_path):
    raw = asdict(CARD)
    inside = raw if set(changed) <= set(raw) else raw["preprocess"]
    inside |= changed
    (tmp_path / "model.onnx.json").write_text(json.dumps(raw))
    with pytest.raises(ValueError, match=rf"model\.onnx\.json is not a model card: {says}") as error:
        Card.read(tmp_path / "model.onnx")
    assert len(str(error.value).replace(str(tmp_path), "")) < 240


def test_a_field_that_no_card_has_is_named(tmp_path):
    (tmp_path / "model.onnx.json").write_text(json.dumps(asdict(CARD) | {"tsk": "segmentation"}))
    with pytest.raises(
        ValueError, match=r"model\.onnx\.json is not a model card: it has no field 'tsk'\. Did you mean"
    ):
        Card.read(tmp_path / "model.onnx")


def test_a_report_of_verification_is_no_card(tmp_path):
    (tmp_path / "model.onnx.json").write_text('{"facts": {"export": {}}}')
    with pytest.raises(ValueError, match="not a model card but the verification report"):
        Card.read(tmp_path / "model.onnx")


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"The report needs the package 'jinja2'.*pip install 'kerascnn\[report\]'"):
        need("jinja2", "report", "The report")


def test_suggestions():
    assert suggest("resnet5", ["resnet50", "vgg16"]) == "Did you mean 'resnet50'?"
    assert suggest("zzz", ["b", "a"]) == "Choose one of 'a', 'b'."
    assert suggest("zzz", [str(i) for i in range(40)]) == ""
