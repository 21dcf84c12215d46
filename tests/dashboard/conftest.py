"""A lab of its own for a module's tests, so that pages run without a server."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.models import checkpoints
from core.runs.service import Service
from core.training.network import Network
from dashboard import lab


def in_address(page: AppTest, name: str) -> str:
    """What the address says; a page that has set it gives text, the address itself a list."""
    value = page.query_params[name]
    return value if isinstance(value, str) else value[0]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The lab's service, with a home and a models folder of its own, one of whose networks is untrained."""
    folder = tmp_path_factory.mktemp("lab")
    models = folder / "models"
    models.mkdir()
    checkpoints.save_parameters(Network(seed=3), models / "untrained.safetensors", {})
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DESCENT_HOME", str(folder / "home"))
        environment.setenv("DESCENT_MODELS", str(models))
        lab.start()
        yield lab.service()
        lab.stop()
