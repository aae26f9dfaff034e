"""Compression: networks with fewer weights, fewer different weights, fewer filters, and what that saves.

TensorFlow's Model Optimization toolkit works on models of tf_keras, Keras 2; networks here are drawn in Keras 3.
:func:`kerascnn.compress.twin.twin` goes there and ``weights_back`` comes back, and the Keras of the process stays
Keras 3: nothing else in the house imports the toolkit but :mod:`kerascnn.compress.toolkit`.
"""
