"""What the Edge TPU compiler will make of a file, read from the file alone; and what it did make, where it is there.

The rules are the published ones, https://coral.ai/docs/edgetpu/models-intro/: every tensor in 8 bits, every size
fixed, parameters constant, three dimensions, and the operators of ``edgetpu.csv``. Of a file that is not wholly
supported the compiler maps the first partition alone. The last compiler, 16.0 of 2021, was built with TensorFlow 2.5:
it refuses a whole file that has an operator in a version newer than that (google-coral/edgetpu#631, #845), such as a
convolution in groups. The column ``version`` holds the newest version that TensorFlow 2.5 knew.
"""

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from kerascnn.deploy.delegates.limits import broken_limit, table, wide
from kerascnn.deploy.delegates.report import Report, Verdict, partitions
from kerascnn.deploy.flatbuffer import Operator, read_graphs

COMPILER = "edgetpu_compiler"
WITH_PARAMETERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "PRELU")
TWIN = "kerascnn.edge_safe(model) puts operators that are mapped in its place; train on after that"
INT8 = "export it as tflite-int8"
CHANGES = {
    "HARD_SWISH": TWIN,
    "LEAKY_RELU": TWIN,
    "GELU": TWIN,
    "ELU": TWIN,
    "TRANSPOSE": TWIN,
    "GATHER": TWIN,
    "NEG": TWIN,
    "POW": TWIN,
    "DEQUANTIZE": INT8,
    "BATCH_MATMUL": "attention stays on the CPU: choose a convolutional network",
    "CUSTOM": "write the network with layers that have a built-in operator",
}


def edgetpu(path: Path) -> Report:
    """Predict which operators of a file are mapped to the Edge TPU.

    Parameters
    ----------
    path
        A .tflite file, not yet compiled.

    Raises
    ------
    ValueError
        When it is no such file, or is compiled already.
    """
    graphs = read_graphs(path)
    graph = graphs[0]
    if any(operator.custom == "edgetpu-custom-op" for operator in graph.operators):
        raise ValueError(f"{path} is compiled for the Edge TPU already: check the file that it was compiled from.")
    newer = [op for op in graph.operators if op.version > int(table("edgetpu").get(op.kind, {}).get("version", 99))]
    said = [refusal(operator) for operator in graph.operators]
    found = partitions(graph, [not reason for reason in said])
    first = set(found[0]) if found and not newer else set()
    kernels = [operator for operator in graph.operators if operator.kind in WITH_PARAMETERS]
    in_bytes = any(not in_floats(operator) for operator in kernels)
    verdicts = []
    for operator, reason in zip(graph.operators, said, strict=True):
        if operator.index in first:
            verdicts.append(Verdict(operator, True, table("edgetpu")[operator.kind]["unsure"]))
        elif operator in newer:
            what = "convolutions in groups are" if operator.kind == "CONV_2D" else f"version {operator.version} is"
            verdicts.append(Verdict(operator, False, f"{what} newer than the compiler, which refuses the file", TWIN))
        elif reason:
            verdicts.append(Verdict(operator, False, reason, change(operator, reason, in_bytes)))
        else:
            after = "the compiler refuses the file" if newer else "it comes after an operator that is not mapped"
            verdicts.append(Verdict(operator, False, after))
    floats = sum(map(in_floats, graph.operators)) if in_bytes else 0
    return Report("edgetpu", tuple(verdicts), tuple(found), tuple(notes(len(graphs), found, bool(newer), floats)))


def in_floats(operator: Operator) -> bool:
    """Whether an operator takes or gives floats."""
    return any(tensor.dtype == "float32" for tensor in operator.tensors if not tensor.constant)


def refusal(operator: Operator) -> str:
    """Why an operator cannot run on the Edge TPU; empty when it can."""
    if operator.kind not in table("edgetpu"):
        return "it is not supported"
    moving = [tensor for tensor in operator.tensors if not tensor.constant]
    wrong = sorted({tensor.dtype for tensor in moving} - {"int8", "uint8"})
    if wrong:
        return f"it works on {', '.join(wrong)}, where 8-bit integers are asked"
    if any(-1 in tensor.shape for tensor in moving):
        return "the file leaves one of its sizes open"
    if operator.kind in WITH_PARAMETERS and any(t is not None and not t.constant for t in operator.inputs[1:2]):
        return "its weights are not constant"
    if any(len(wide(tensor)) > 3 or set(tensor.shape[:-3]) - {1} for tensor in moving):
        return "it has more than three dimensions, or several images at once"
    return broken_limit(operator, table("edgetpu")[operator.kind]["limits"])


def change(operator: Operator, reason: str, in_bytes: bool) -> str:
    """What to do about it, where something is known to help; a file that is ``in_bytes`` has floats on purpose."""
    if "sizes open" in reason or "images at once" in reason:
        return "export with kerascnn, which writes files of one image and fixed sizes"
    known = INT8 if reason.startswith("it works on") else CHANGES.get(operator.kind, "")
    return "" if in_bytes and known == INT8 else known


def notes(graphs: int, found: list[tuple[int, ...]], refused: bool, floats: int) -> list[str]:
    """What holds for the whole file, of which so many operators are in ``floats`` though it is one of 8 bits."""
    said = [f"The file has {graphs} graphs; only the first was looked at."] if graphs > 1 else []
    if len(found) > 1 and not refused:
        rest = sum(map(len, found[1:]))
        said.append(
            f"{rest} operators in {len(found) - 1} later partitions are supported, and run on the CPU: the compiler "
            f"maps the first partition alone (its option -a maps more; each partition costs a transfer both ways)."
        )
    if floats:
        said.append(
            f"{floats} operators are in floats in this file of 8 bits, as those are that make boxes of what a detector "
            "says: the CPU runs them."
        )
    return said


@dataclass(frozen=True)
class Log:
    """What the vendor's compiler says of a file.

    Parameters
    ----------
    version
        Of the compiler: "16.0".
    rows
        Operator, how many of it, and what became of them, in the compiler's words.
    """

    version: str
    rows: tuple[tuple[str, int, str], ...]

    @property
    def mapped(self) -> dict[str, int]:
        """How many operators of each kind run on the Edge TPU."""
        counts: Counter[str] = Counter()
        for kind, count, status in self.rows:
            counts[kind] += count * (status == "Mapped to Edge TPU")
        return dict(counts)


def read_log(text: str) -> Log:
    """Read what ``edgetpu_compiler -s`` prints.

    Raises
    ------
    ValueError
        When it holds no table of operators: the compiler refused the file.
    """
    version = re.search(r"Edge TPU Compiler version (\d+\.\d+)", text)
    rows = re.findall(r"^([A-Z][A-Z0-9_]+|custom\S*) +(\d+) +(\S.*?) *$", text, re.MULTILINE)
    if not rows:
        errors = re.findall(r"^(?:ERROR: .*|.*(?:failed|Invalid|could not|error).*)$", text, re.MULTILINE)
        raise ValueError(
            f"The Edge TPU compiler mapped nothing: {' '.join(errors) or text.strip() or 'it said nothing'}"
        )
    return Log(version[1] if version else "", tuple((kind, int(count), status) for kind, count, status in rows))


def compiled(path: Path) -> Log | None:
    """Run the vendor's compiler on a file and read what it says; None where it is not installed.

    The compiled file is thrown away.

    Raises
    ------
    ValueError
        When the compiler refuses the file.
    """
    if shutil.which(COMPILER) is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run([COMPILER, "-s", "-o", folder, str(path)], capture_output=True, text=True)
    return read_log(ran.stdout + ran.stderr)


def disagreements(report: Report, log: Log) -> list[str]:
    """Where a prediction and the compiler differ, one line for each kind of operator."""
    kinds = sorted({v.operator.kind for v in report.verdicts} | set(log.mapped))
    predicted = Counter(verdict.operator.kind for verdict in report.verdicts if verdict.mapped)
    return [
        f"{kind}: {predicted[kind]} predicted to be mapped, {log.mapped.get(kind, 0)} were"
        for kind in kinds
        if predicted[kind] != log.mapped.get(kind, 0)
    ]
