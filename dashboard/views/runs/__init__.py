"""The Runs page: all runs, one run, several side by side."""
