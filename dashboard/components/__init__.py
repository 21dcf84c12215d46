"""Our own browser components: a folder has a Python face, and the HTML, CSS and ES modules beside it.

What several of them use is in ``shared``; no page's words come in here.
"""
