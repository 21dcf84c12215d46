"""The players: one time cursor over contours, surface and curves, played in the browser without the server.

``base.js`` is the player, ``mounting.js`` puts it on a page; ``surface`` and ``landscape`` are the two built on it.
Nothing of a page comes in here.
"""
