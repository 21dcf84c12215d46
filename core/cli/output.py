"""Results of commands: text for people, or one JSON value for programs."""

import argparse
import json
from typing import Any

from core.files import harmless
from core.runs.export import finite


def say(options: argparse.Namespace, json_value: Any, text: str) -> None:
    """Print ``text``, or with ``--json`` the value as the last line of stdout; NaN and infinities become null.

    Texts of visitors, and of files from outside, may be in it: what controls a terminal is not printed.
    """
    print(json.dumps(finite(json_value), allow_nan=False) if options.json else harmless(text))
