"""From a row of a paper's table to a Keras model."""
