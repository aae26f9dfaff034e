"""What is done to images in training: geometry, colour, mixing, and the table of their names."""
