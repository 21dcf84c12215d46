"""The players: one time cursor over contours, surface and curves, played in the browser without the server.

``base.js`` is the player; ``surface`` and ``landscape`` are the two built on it. Nothing of a page comes in here.
"""
