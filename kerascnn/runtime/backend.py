"""What Keras runs on, where that must be TensorFlow."""


def need_tensorflow(work: str, way_on: str = "") -> None:
    """Raise ``ValueError`` unless Keras runs on TensorFlow, saying which work needs it and how it is done instead."""
    import keras

    if keras.backend.backend() != "tensorflow":
        way_on = way_on or "Set KERAS_BACKEND=tensorflow, or unset it, before Keras is imported."
        raise ValueError(f"{work} goes through TensorFlow, but Keras runs on {keras.backend.backend()}. {way_on}")
