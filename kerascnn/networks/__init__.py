"""From a row of a table to a Keras model."""
