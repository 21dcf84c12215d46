"""The terminal: ``python -m core``. One module per command, with ``add_parser(commands)`` and the function it runs.

``parsing`` turns options into values and mistakes into one sentence; ``output`` prints results as text or JSON.
"""
