"""The former address of races."""
