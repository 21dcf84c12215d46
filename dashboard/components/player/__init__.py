"""The players: what every player of paths over a surface shares. ``surface`` and ``landscape`` are built on it.

Nothing of a page comes in here.
"""
