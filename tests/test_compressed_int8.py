"""What is pruned and clustered stays so when it is tuned for int8, in the file too."""

import numpy as np
import pytest
from tiny_digits import digits, top1, trained

pytest.importorskip("with_toolkit", exc_type=ImportError)
pytest.importorskip("ai_edge_litert")
from kerascnn.compression import Clustering, Pruning, Tuning, cluster, prune
from kerascnn.compression.quantization import quantize_aware
from kerascnn.deploy import export
from kerascnn.runtime import open_model

TUNING = Tuning(epochs=2, lr=3e-3)


def kernels_of(path) -> list[np.ndarray]:
    """The kernels of an int8 file, as TensorFlow Lite files them: (outputs, ...)."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    constant = [d for d in interpreter.get_tensor_details() if len(d["quantization_parameters"]["scales"]) > 1]
    return [interpreter.get_tensor(d["index"]) for d in constant if d["dtype"] is np.int8 and len(d["shape"]) > 1]


def test_zeros_and_clusters_outlast_int8(tmp_path):
    train, (images, targets) = digits()
    pruned = prune(trained(), train, Pruning(sparsity={"block2-conv": 0.75, "head-hidden": 0.75}), TUNING)
    clustered = cluster(pruned, train, Clustering(clusters=8), TUNING)
    quantized = quantize_aware(clustered, train, TUNING)
    for name in ("block2-conv", "head-hidden"):
        before, after = (np.asarray(m.get_layer(name).kernel) for m in (clustered, quantized.model))
        assert np.mean(before == 0) >= 0.75 and np.all(after[before == 0] == 0), name
        assert not np.allclose(before, after, atol=1e-3), "nothing was learned"
        per_output = [len(np.unique(column)) for column in after.reshape(-1, after.shape[-1]).T]
        assert max(per_output) <= 8, name
    export(quantized.simulation, tmp_path / "model.tflite", "tflite-int8", calibration=images[:64])
    shapes = {(32, 3, 3, 8), (32, 512)}
    filed = [kernel for kernel in kernels_of(tmp_path / "model.tflite") if kernel.shape in shapes]
    assert {kernel.shape for kernel in filed} == shapes
    for kernel in filed:
        assert np.mean(kernel == 0) >= 0.75
        assert max(len(np.unique(row)) for row in kernel.reshape(len(kernel), -1)) <= 8
    answers = open_model(tmp_path / "model.tflite")(images)["scores"].argmax(axis=-1)
    assert np.mean(answers == targets) > top1(clustered) - 0.03
