"""Methods of training that wrap a task's objective."""
