"""The entry of the lab."""

import sys
from pathlib import Path

from streamlit.runtime.scriptrunner.exec_code import modified_sys_path

from app import app
from core.paths import ROOT


def test_the_list_of_folders_with_modules_stays_while_a_page_runs():
    before = list(sys.path)
    with modified_sys_path(str(ROOT / Path(app.script_path))):
        assert sys.path == before
    assert sys.path == before
