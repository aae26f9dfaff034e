"""On another backend of Keras, what needs TensorFlow says so at once; what does not goes on."""

import os
import subprocess
import sys

import pytest
from test_train import RECIPE, blobs, silent

WAYS_ON = "KERAS_BACKEND=tensorflow"


def refused(call, *arguments, **named) -> str:
    with pytest.raises(ValueError, match="goes through TensorFlow, but Keras runs on torch") as caught:
        call(*arguments, **named)
    assert WAYS_ON in str(caught.value)
    return str(caught.value).split(" goes ")[0]


def on_torch(folder):
    """Every verb on a network that was drawn on torch; none of the sources or files that are named is there."""
    import keras
    import numpy as np

    import kerascnn
    from kerascnn.card import Card
    from kerascnn.compression import Pruning
    from kerascnn.spec import Preprocess
    from kerascnn.training import loop
    from kerascnn.workflows.compress import Plan

    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(keras.layers.Conv2D(4, 3)(image))
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    file = os.path.join(folder, "net.keras")
    model.save(file)
    Card(model="net", labels=("a", "b"), preprocess=Preprocess(size=8)).write(file)
    assert refused(kerascnn.train, RECIPE, folder) == "Training"
    assert refused(loop.train, RECIPE, blobs(), folder, log=silent) == "Training"
    assert refused(kerascnn.evaluate, file, "nothing") == "Running a Keras model"
    assert refused(kerascnn.predict, file, "nothing.jpg") == "Running a Keras model"
    assert refused(kerascnn.predict, "resnet50.tv_in1k_v2", "nothing.jpg") == "Running a Keras model"
    assert refused(kerascnn.compress, file, "nothing", Plan(pruning=Pruning())) == "Compression"
    assert refused(kerascnn.prune, model, (np.zeros((4, 8, 8, 3)), np.zeros(4, int)), Pruning()) == "Compression"
    assert refused(kerascnn.export, model, os.path.join(folder, "net.tflite")) == "Export"
    assert kerascnn.cost(model).parameters == 112 + 148 + 10
    assert np.asarray(kerascnn.load_keras(file)(np.zeros((1, 8, 8, 3), np.float32)).detach()).shape == (1, 2)


def test_work_that_needs_tensorflow_says_so_on_torch(tmp_path):
    """In a process of its own, because a backend is chosen once; it imports torch and TensorFlow, which takes long."""
    pytest.importorskip("torch")
    code = f"import sys; sys.path[:0] = {sys.path!r}; from test_backend import on_torch; on_torch({str(tmp_path)!r})"
    here = {**os.environ, "KERAS_BACKEND": "torch", "CUDA_VISIBLE_DEVICES": "-1"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=here)
    assert ran.returncode == 0, ran.stderr[-3000:]
