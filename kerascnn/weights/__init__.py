"""Weights: published ones by tag, files of this package and of others; each value finds its variable by name."""
