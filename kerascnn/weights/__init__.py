"""Weights: published ones by tag, files of ours and of others, each value in its place by name."""
