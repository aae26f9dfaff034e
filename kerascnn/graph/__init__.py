"""Functions that analyse and rewrite any ``keras.Model``; they know no family of networks."""
