"""SavedModel folders, for TensorFlow Serving and everything else that reads TensorFlow."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from kerascnn.deploy.request import ExportRequest, inference_function


def write_saved_model(request: ExportRequest, path: Path) -> None:
    """One signature, "serving_default", in inference mode, for any number of images at once."""
    import keras

    archive: Any = keras.export.ExportArchive()
    archive.track(request.model)
    function = inference_function(replace(request, batch=None), request.types[0])
    archive.add_endpoint("serve", function)
    function.get_concrete_function()
    archive.write_out(str(path), verbose=False)
