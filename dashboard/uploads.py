"""Files from the visitor's device. One that is refused takes what the file before it showed away, and says what to do.

The browser itself refuses a file that is too large or of another type: the server never hears of it, and still has the
file before. So the refusal is seen, and what that file showed hidden, by the style.
"""

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

#: The newest file of a field, if the browser has refused it.
_REFUSED = '[data-testid="stFileChips"] > div > div:last-child [role="alert"]'


def upload(
    label: str, types: Sequence[str] | None, advice: str, shows: Sequence[str], help: str | None = None
) -> UploadedFile | None:
    """Draw the field for one file; return the file, if there is one.

    Args:
        types: the endings that it may have; None for any, where the page itself says what is wrong with a file.
        advice: what to do instead, for a file that is refused; plain text.
        shows: keys of the containers that show what is in the file.
    """
    hidden = ", ".join(f".st-key-{key}" for key in shows)
    with st.container(key="upload"):
        file = st.file_uploader(label, type=list(types) if types else None, help=help)
        st.html(
            f"<style>.upload-advice {{ display: none; }}\n"
            f".st-key-upload:has({_REFUSED}) .upload-advice {{ display: block; }}\n"
            f"body:has(.st-key-upload {_REFUSED}) :is({hidden}) {{ display: none; }}</style>"
            f'<p class="upload-advice" role="status">This file was refused. {advice}</p>'
        )
    return file
