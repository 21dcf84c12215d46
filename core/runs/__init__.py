"""Training in the background: store, record, history, queue, pool, worker, scheduler, archive, service, files, export.

A module belongs here if it knows that runs are recorded; a page asks ``Service`` alone. Nothing here draws.
"""
