"""The terminal: python -m core."""
