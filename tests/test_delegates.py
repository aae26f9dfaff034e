"""Reports on delegates: held against LiteRT, and against what the Edge TPU compiler said of files."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import flatbuffers
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from keras import layers, ops

from kerascnn.applications import ROWS
from kerascnn.cli import main
from kerascnn.deploy import TARGETS
from kerascnn.deploy.delegates import DELEGATES, check_delegates
from kerascnn.deploy.delegates.edgetpu import compiled, disagreements, edgetpu, read_log, refusal
from kerascnn.deploy.delegates.limits import LIMITS, table
from kerascnn.deploy.delegates.report import partitions
from kerascnn.deploy.flatbuffer import Graph, Operator, Tensor, read_graphs
from kerascnn.deploy.images import noise
from kerascnn.deploy.request import ExportRequest
from kerascnn.runtime import quiet

FIRST = {type(row): row for row in reversed(ROWS.values())}
TINY = {kind.__name__: row.replace(**kind.tiny) for kind, row in FIRST.items()}
MADE_FOR_IT = ("MobileNetFamily", "MobileNetV2Family", "EfficientNetLite", "EfficientNetEdgeTPU")
MAPPED = "Mapped to Edge TPU"
with (Path(__file__).parent / "edgetpu_logs.csv").open(encoding="utf-8") as quoted:
    LOGS = list(csv.DictReader(quoted))  # what people quoted of the compiler's logs


TYPES = {"tflite-int8": ("int8", "int8"), "tflite": ("float32", "float32")}


def written(model: keras.Model, path: Path, format: str = "tflite-int8", plainly: bool = False) -> Path:
    target = TARGETS[format]
    with quiet():
        images = noise(tuple(model.input_shape[1:]))[:6]
        (target.writer if plainly else target.write)(
            ExportRequest(model=model, images=images, types=TYPES[format]), path
        )
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Files of families' tiny networks, each written once; CondenseNet's, which sorts kernels, in floats.

    MobileNetV3's is as the converter alone writes it, with HARD_SWISH in bytes.
    """
    folder = tmp_path_factory.mktemp("files")

    def of(family: str) -> Path:
        path = folder / f"{family}.tflite"
        format = "tflite" if family == "CondenseNet" else "tflite-int8"
        plainly = family == "MobileNetV3Family"
        return path if path.exists() else written(TINY[family](classes=7), path, format, plainly)

    return of


def tensor(shape, dtype="int8", value=None, index=0) -> Tensor:
    value = None if value is None else np.asarray(value)
    return Tensor(index, "x", tuple(shape), dtype, (), value is not None, value)


def operator(kind, shape=(1, 8, 8, 16), *constants, out=None, **options) -> Operator:
    held = tuple(tensor(np.shape(c), "int32", c, index=9 + i) for i, c in enumerate(constants))
    return Operator(0, kind, 1, (tensor(shape), *held), (tensor(out or shape, index=1),), options)


def test_the_reader_sees_what_the_runtime_sees(file):
    path = file("MobileNetV3Family")
    (graph,) = read_graphs(path)
    runtime = Interpreter(model_path=str(path), experimental_preserve_all_tensors=True)
    runtime.allocate_tensors()
    details = {d["index"]: d for d in runtime.get_tensor_details()}
    assert [t.index for t in graph.inputs] == [d["index"] for d in runtime.get_input_details()]
    assert [t.index for t in graph.outputs] == [d["index"] for d in runtime.get_output_details()]
    seen = 0
    for t in (t for op in graph.operators for t in op.tensors):
        there = details[t.index]
        assert t.name == there["name"] and t.shape == tuple(there["shape_signature"])
        assert t.dtype == np.dtype(there["dtype"]).name
        assert t.scales == tuple(map(float, there["quantization_parameters"]["scales"]))
        if t.constant:
            np.testing.assert_array_equal(t.value, runtime.get_tensor(t.index))
            seen += 1
    assert seen > 20
    nodes = [d for d in runtime._get_ops_details() if d["op_name"] != "DELEGATE"]
    assert [op.kind for op in graph.operators] == [node["op_name"] for node in nodes]
    stem = graph.operators[0]
    assert stem.kind == "CONV_2D" and (stem.options["strideW"], stem.options["strideH"]) == (2, 2)


@pytest.mark.sharded
@pytest.mark.parametrize("family", TINY)
def test_partitions_are_those_that_litert_makes(family, file):
    path = file(family)
    (graph,) = read_graphs(path)
    (seen,) = check_delegates(path, ["xnnpack"])
    assert sorted(seen.partitions) == sorted(partitions(graph, [v.mapped for v in seen.verdicts]))
    assert sum(map(len, seen.partitions)) == seen.mapped > 0


def drawn(draw, shape=(8, 8, 4)) -> keras.Model:
    image = keras.Input(shape)
    return keras.Model(image, draw(image))


@pytest.mark.parametrize(
    ("kind", "draw"),
    [
        ("DEPTHWISE_CONV_2D", lambda x: layers.DepthwiseConv2D(3, depth_multiplier=2)(x)),
        ("TOPK_V2", lambda x: ops.top_k(x, 2)[0]),
        ("STRIDED_SLICE", lambda x: x[:, 1]),
        ("MIRROR_PAD", lambda x: ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "symmetric")),
        ("REVERSE_V2", lambda x: ops.flip(x, axis=1)),
        ("ROUND", lambda x: ops.round(x)),
    ],
)
def test_what_the_gpu_refuses(kind, draw, tmp_path):
    path = written(drawn(draw), tmp_path / "net.tflite", "tflite")
    (report,) = check_delegates(path, ["gpu"])
    assert set(report.unmapped) == {kind}
    assert all(v.reason for v in report.verdicts if not v.mapped)


@pytest.mark.parametrize("family", MADE_FOR_IT)
def test_networks_made_for_it_are_mapped_whole(family, file):
    (report,) = check_delegates(file(family), ["edgetpu"])
    assert report.unmapped == {} and report.partitions == (tuple(range(report.mapped)),) and not report.notes


def test_hard_swish_cuts_mobilenet_v3(file):
    (report,) = check_delegates(file("MobileNetV3Family"), ["edgetpu"])
    assert report.mapped == 1, "the convolution before the first hard swish"
    assert len(report.partitions) == report.unmapped["HARD_SWISH"] + 1
    (row,) = [row for row in report.grouped() if row["operator"] == "HARD_SWISH"]
    assert row["reason"] == "it is not supported" and "kerascnn.edge_safe" in row["change"]
    assert any("later partitions are supported, and run on the CPU" in note for note in report.notes)


def test_no_hard_swish_is_left_where_we_write_the_file(tmp_path):
    model = TINY["MobileNetV3Family"](classes=7)
    (report,) = check_delegates(written(model, tmp_path / "net.tflite"), ["edgetpu"])
    assert report.unmapped == {} and len(report.partitions) == 1


def test_convolutions_in_groups_make_the_compiler_refuse_the_file(file):
    """google-coral/edgetpu#631: CONV_2D in version 6."""
    (report,) = check_delegates(file("ResNeXt"), ["edgetpu"])
    assert report.mapped == 0
    newer = {v.operator.version for v in report.verdicts if "refuses the file" in v.reason and v.change}
    assert newer == {6}


def test_a_file_with_float_inputs_and_outputs_as_the_compiler_saw_it(tmp_path):
    """f0cal/google-coral#20: MobileNetV2 in int8 between QUANTIZE and DEQUANTIZE."""
    model = keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None)
    function = tf.function(model).get_concrete_function(tf.TensorSpec((1, 96, 96, 3)))
    variables = tf.train.Checkpoint(variables=[variable.value for variable in model.variables])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], variables)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in noise((96, 96, 3))[:2])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with quiet():
        (tmp_path / "net.tflite").write_bytes(converter.convert())
    (report,) = check_delegates(tmp_path / "net.tflite", ["edgetpu"])
    log = read_log(quoted_log("f0cal/google-coral#20"))
    # Since then the converter folds the five paddings into convolutions.
    assert not [v for v in report.verdicts if v.operator.kind == "PAD"]
    assert disagreements(report, log) == ["PAD: 0 predicted to be mapped, 5 were"]
    assert sum(log.mapped.values()) - 5 == report.mapped == 65 and len(report.partitions) == 1
    assert report.unmapped == {"QUANTIZE": 1, "DEQUANTIZE": 1}


def quoted_log(issue: str) -> str:
    rows = [row for row in LOGS if row["issue"] == issue]
    lines = [f"{row['operator']:30} {row['count']:10} {row['status']}" for row in rows]
    head = [
        f"Edge TPU Compiler version {rows[0]['compiler']}.123456789",
        "",
        "Model compiled successfully in 12 ms.",
        "",
    ]
    return "\n".join([*head, f"{'Operator':30} {'Count':10} Status", "", *lines, ""])


def test_every_quoted_log_is_read():
    for issue in {row["issue"] for row in LOGS}:
        rows = [row for row in LOGS if row["issue"] == issue]
        log = read_log(quoted_log(issue))
        assert log.version == rows[0]["compiler"]
        assert log.rows == tuple((row["operator"], int(row["count"]), row["status"]) for row in rows)


@pytest.mark.parametrize("row", LOGS, ids=lambda row: f"{row['issue']}-{row['operator']}-{row['status'][:12]}")
def test_the_table_holds_what_compilers_said(row):
    """Compiler 2.x goes with runtime 12, 15.0 with 13, 16.0 with 14."""
    runtime = {"2.0": 12, "15.0": 13, "16.0": 14}[row["compiler"]]
    known = row["operator"] in table("edgetpu") and int(table("edgetpu")[row["operator"]]["runtime"]) <= runtime
    if row["status"] == MAPPED:
        assert known
    if row["status"] == "Operation not supported":
        assert not known
    if "unspecified limitation" in row["status"] and row["operator"] == "TRANSPOSE":
        assert known and "#433" in table("edgetpu")["TRANSPOSE"]["unsure"]


def test_a_chain_is_cut_at_its_first_unsupported_operator():
    """As in google-coral/edgetpu#342, where a quantisation and a padding come before the first transpose."""
    kinds = ["QUANTIZE", "PAD", "HARD_SWISH", "CONV_2D", "HARD_SWISH", "ADD"]
    chain = [
        replace(
            operator(kind),
            index=i,
            inputs=(tensor((1, 8, 8, 16), index=i),),
            outputs=(tensor((1, 8, 8, 16), index=i + 1),),
        )
        for i, kind in enumerate(kinds)
    ]
    graph = Graph(tuple(chain), chain[0].inputs, chain[-1].outputs)
    assert partitions(graph, [op.kind in table("edgetpu") for op in chain]) == [(0, 1), (3,), (5,)]


@pytest.mark.parametrize(
    ("limit", "bad", "good"),
    [
        ("no_activation", operator("MAX_POOL_2D", fusedActivationFunction=1), operator("MAX_POOL_2D")),
        ("same_dilation", operator("CONV_2D", dilationWFactor=2, dilationHFactor=1), operator("CONV_2D")),
        ("plain_weights", operator("FULLY_CONNECTED", weightsFormat=1), operator("FULLY_CONNECTED", weightsFormat=0)),
        ("vector_output", operator("FULLY_CONNECTED", out=(1, 4, 8)), operator("FULLY_CONNECTED", out=(1, 8))),
        ("short_vector", operator("SOFTMAX", (1, 3, 8)), operator("SOFTMAX", (1, 1000))),
        ("short_vector", operator("SOFTMAX", (1, 21843)), operator("SOFTMAX", (1, 16000))),
        ("zero_constant", operator("CONCATENATION", (1, 8), [1, 0]), operator("CONCATENATION", (1, 8), [0, 0])),
        ("zero_constant", operator("CONCATENATION", (1, 8), [0], [0]), operator("CONCATENATION", (1, 8))),
        ("keeps_batch_in_reduction", operator("MEAN", (1, 8, 8, 16), [0, 1]), operator("MEAN", (1, 8, 8, 16), [1, 2])),
        ("keeps_batch_in_reduction", operator("MEAN"), operator("MEAN", (1, 8, 8, 16), [-1])),
        ("depth_of_four", operator("MEAN", (1, 8, 8, 6), [3]), operator("MEAN", (1, 8, 8, 16), [-1])),
        ("keeps_batch_in_padding", operator("PAD", (1, 8), [[1, 0], [0, 0]]), operator("PAD", (1, 8), [[0, 0]] * 2)),
        ("keeps_batch_in_packing", operator("PACK", axis=0), operator("PACK", axis=1)),
        ("keeps_batch_in_splitting", operator("SPLIT", (1, 8), [0]), operator("SPLIT", (1, 8), [3])),
        ("unit_strides", operator("STRIDED", (1, 8), [0], [1], [2]), operator("STRIDED", (1, 8), [0], [1], [1])),
        ("no_new_axis", operator("STRIDED_SLICE", newAxisMask=1), operator("STRIDED_SLICE", shrinkAxisMask=1)),
        ("keeps_axes", operator("STRIDED_SLICE", shrinkAxisMask=1), operator("STRIDED_SLICE")),
        ("covers_the_other", operator("MUL", (1, 1, 3), [[[1], [1]]]), operator("MUL", (1, 4, 3), [[[1, 1, 1]]])),
        ("slope_per_channel", operator("PRELU", (1, 8, 8, 4), np.ones((8, 8, 4))), operator("PRELU", (1, 2), [[[1]]])),
        ("one_forward_input", replace(operator("EXP"), inputs=(tensor((1, 2)), tensor((1, 2)))), operator("EXP")),
        ("constant_axes", operator("SUM"), operator("SUM", (1, 8), [1])),
        ("two_inputs", operator("ADD"), operator("ADD", (1, 2), [1, 2])),
        ("multiplier_of_one", operator("DEPTHWISE", depthMultiplier=2), operator("DEPTHWISE", depthMultiplier=1)),
        ("map_of_three_or_four", operator("SLICE", (1, 2, 3, 4, 5)), operator("SLICE", (2, 3, 4))),
        ("padding_of_a_map", operator("PAD", (1, 8), [[0, 0], [1, 1]]), operator("PAD", (1, 8, 8), [[0, 0]] * 3)),
        ("reflects", operator("MIRROR_PAD", mode=1), operator("MIRROR_PAD", mode=0)),
        ("beta_of_one", operator("SOFTMAX", beta=2.0), operator("SOFTMAX", beta=1.0)),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)  # fmt: skip
def test_limits(limit, bad, good):
    fixed = {"keeps_batch_in_splitting": lambda op: replace(op, inputs=op.inputs[::-1])}  # its axis comes first
    bad, good = (fixed.get(limit, lambda op: op)(op) for op in (bad, good))
    assert LIMITS[limit](bad) and not LIMITS[limit](good)


def test_every_limit_of_a_table_is_known_and_each_row_has_a_source():
    used = set()
    for name in ("edgetpu", "gpu"):
        for row in table(name).values():
            used |= set(row["limits"].split())
            assert row["source"]
    assert used == set(LIMITS)


@pytest.mark.parametrize(
    ("op", "says"),
    [
        (operator("RELU", (1, -1, 8, 4)), "sizes open"),
        (operator("RELU", (2, 8, 8, 4)), "several images"),
        (operator("RELU", (1, 2, 3, 4, 5)), "three dimensions"),
        (replace(operator("CONV_2D"), inputs=(tensor((1, 8, 8, 3)), tensor((4, 3, 3, 3)))), "weights are not constant"),
        (replace(operator("RELU"), inputs=(tensor((1, 4), "float32"),)), "works on float32"),
        (operator("GELU"), "not supported"),
    ],
)
def test_what_holds_for_every_operator(op, says):
    assert says in refusal(op)
    assert refusal(operator("RELU")) == ""


def install_compiler(folder: Path, text: str, monkeypatch) -> None:
    """A compiler that says ``text``."""
    (folder / "text").write_text(text)
    program = folder / "edgetpu_compiler"
    program.write_text(f'#!/bin/sh\ncat "{folder}/text"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_the_vendors_compiler_is_heard_where_there_is_one(file, tmp_path, monkeypatch, capsys):
    path = file("MobileNetFamily")
    report = edgetpu(path)
    if not os.environ.get("EDGETPU_COMPILER_INSTALLED"):
        assert compiled(path) is None
    rows = "\n".join(f"{kind:30} {sum(v.operator.kind == kind for v in report.verdicts):<10} {MAPPED}"
                     for kind in {v.operator.kind for v in report.verdicts})  # fmt: skip
    install_compiler(tmp_path, f"Edge TPU Compiler version 16.0.384591198\n\n{rows}\n", monkeypatch)
    assert disagreements(report, compiled(path)) == []
    assert main(["check", str(path), "--delegate", "edgetpu"]) == 0
    assert "edgetpu_compiler 16.0 says the same" in capsys.readouterr().out
    install_compiler(
        tmp_path, f"Edge TPU Compiler version 16.0.384591198\n\n{rows.replace(MAPPED, 'no', 1)}\n", monkeypatch
    )
    assert len(disagreements(report, compiled(path))) == 1
    install_compiler(
        tmp_path,
        "Edge TPU Compiler version 16.0.384591198\nERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'.\n",
        monkeypatch,
    )
    assert main(["check", str(path), "--delegate", "edgetpu"]) == 0
    said = capsys.readouterr().out
    assert "edgetpu: " in said and "edgetpu_compiler: The Edge TPU compiler mapped nothing" in said
    assert "Didn't find op for builtin opcode 'CONV_2D'" in said


def test_the_command(file, capsys):
    path = file("MobileNetV3Family")
    assert main(["check", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["delegate"] for each in found] == list(DELEGATES)
    assert found == [report.as_dict() for report in check_delegates(path)]
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert "edgetpu: 1 of " in said and "HARD_SWISH" in said and "not mapped, it is not supported" in said


def misdirected(whole: bytes, field: str) -> bytes:
    """A file with a number in it that names what is not there: a tensor's buffer, or an operator's output."""
    model = schema.ModelT.InitFromPackedBuf(whole)
    if field == "buffer":
        model.subgraphs[0].tensors[0].buffer = 9999
    else:
        model.subgraphs[0].operators[0].outputs = [-1]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_what_cannot_be_checked(tmp_path, file, capsys):
    with pytest.raises(ValueError, match=r"Unknown delegate 'edgetp'\. Did you mean 'edgetpu'"):
        check_delegates(file("MobileNetFamily"), ["edgetp"])
    assert main(["check", str(tmp_path / "none.tflite")]) == 2
    assert "There is no model file" in capsys.readouterr().err
    (tmp_path / "text.tflite").write_text("no model at all")
    whole = file("MobileNetFamily").read_bytes()
    (tmp_path / "torn.tflite").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "empty.tflite").write_bytes(b"\0\0\0\0TFL3")
    for name in ("buffer", "output"):
        (tmp_path / f"{name}.tflite").write_bytes(misdirected(whole, name))
    for delegate in DELEGATES:
        for name in ("text", "torn", "empty", "buffer", "output"):
            with pytest.raises(ValueError, match=f"{name}.tflite is damaged"):
                check_delegates(tmp_path / f"{name}.tflite", [delegate])


def test_what_is_in_floats_on_purpose_is_not_to_be_exported_again(tmp_path):
    convs = [layers.Conv2D(8, 3, activation="relu", name=name) for name in ("first", "second", "third")]
    model = keras.Sequential([keras.Input((16, 16, 3)), *convs, layers.GlobalAveragePooling2D(), layers.Dense(3)])
    for names in ((), ("second",)):
        some = ExportRequest(
            model=model, images=noise((16, 16, 3)), types=TYPES["tflite-int8"], float_layers=frozenset(names)
        )
        with quiet():
            TARGETS["tflite-int8"].write(some, tmp_path / "net.tflite")
        report = edgetpu(tmp_path / "net.tflite")
        assert any("works on float32" in verdict.reason for verdict in report.verdicts) == bool(names)
        assert any("in floats in this file of 8 bits" in note for note in report.notes) == bool(names)
        assert not any("tflite-int8" in verdict.change for verdict in report.verdicts)
    report = edgetpu(written(model, tmp_path / "floats.tflite", "tflite"))
    assert {verdict.change for verdict in report.verdicts} == {"export it as tflite-int8"} and not report.notes
