"""A network's file that a visitor drops on a page: read and tried on the test digits, or refused with a remedy."""

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.models import library
from core.models.conventions import Finding
from core.models.formats.pickles import PickleError
from core.models.library import Opened
from dashboard import fields, uploads
from dashboard.words import literal

HELP = (
    "safetensors, NumPy's .npz, ONNX, or what Keras saves: .keras, .h5, .weights.h5. Shapes decide, not names: "
    "784-128-10 from any tool comes in, in float32, float64, float16 or bfloat16."
)
#: For a file that the browser itself refuses, which it does for its size alone.
ADVICE = "Take one of 10 MB at most; the parameters of a network like this one take 0.4 MB."
#: In the session: the id of the file that was read last, and what was read.
_LAST = "network_files.last"


@dataclass(frozen=True)
class Upload:
    """Content of a file.

    Args:
        finding: what the test digits say of its conventions; None if nothing.
        whole: it is a whole model.
    """

    model: Opened
    finding: Finding | None
    whole: bool


def drop(label: str, shows: str) -> UploadedFile | None:
    """Draw the place for a file. It takes any, since the browser would refuse one without a word on what to do.

    Args:
        shows: key of the container that shows what is in the file.
    """
    return uploads.upload(label, None, ADVICE, (shows,), help=HELP)


def sentence(finding: Finding) -> str:
    """Return what the test digits say as Markdown."""
    return literal(finding.sentence)


def read(file: UploadedFile) -> Upload | None:
    """Return what the file holds; where it cannot be read, draw why and the remedy, and return None."""
    last: tuple[str, Upload] | None = st.session_state.get(_LAST)
    if last and last[0] == file.file_id:
        return last[1]
    try:
        model = library.read_file(file.name, file.getvalue())
    except PickleError as error:
        st.error(fields.explain(ValueError(error.reason)))
        st.code(error.remedy, language="python", wrap_lines=True)
        return None
    except ValueError as error:
        st.error(fields.explain(error))
        return None
    # Without the optimizer's memory, which nobody asks for here.
    upload = Upload(replace(model, checkpoint=None), library.found(model), whole=model.checkpoint is not None)
    st.session_state[_LAST] = (file.file_id, upload)
    return upload
