"""For ``pytest.importorskip("with_toolkit", exc_type=ImportError)``: the toolkit, imported as the package does.

Imported first and by itself, it makes ``tf.keras`` Keras 2 for all else in the process, keras-cv for instance.
"""

from kerascnn.compression.toolkit import legacy_keras, toolkit

toolkit()
legacy_keras()
