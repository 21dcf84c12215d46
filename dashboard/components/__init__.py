"""Browser components of our own: each a folder with a Python face and its JavaScript."""
