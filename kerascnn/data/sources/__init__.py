"""The kinds of sources, a file for each."""
