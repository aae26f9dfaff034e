"""Weights: published ones by tag, files of this package and of others; each value finds its variable by name."""

from kerascnn.weights.records import Record, find_record, list_weights

__all__ = ["Record", "find_record", "list_weights"]
