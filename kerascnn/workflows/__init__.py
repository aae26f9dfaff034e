"""What a command does from beginning to end: files, data and a report."""
