"""Where images lie: a file for each kind of source."""
