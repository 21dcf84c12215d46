"""A run as code, from every page that shows one."""

import json

import pytest

from core import paths
from core.models import checkpoints
from core.runs.service import Service
from core.training.config import RunConfig
from core.training.network import Network
from dashboard import coding
from tests.dashboard.conftest import open_page, wait_for_runs
from tests.dashboard.conftest import text as words


@pytest.fixture
def run(service: Service) -> str:
    run_id = service.submit(RunConfig(epochs=1, validation_split=0.98))
    wait_for_runs(service, [run_id])
    return run_id


@pytest.mark.parametrize("view", ["runs", "train"])
def test_a_run_is_offered_as_code(run: str, view: str) -> None:
    page = open_page(view, run=run)
    assert not page.exception
    assert {"PyTorch", "Keras", "Notebook"} <= {button.proto.label for button in page.get("download_button")}


def test_the_files_have_the_labs_own_figures(service: Service, run: str) -> None:
    found = service.run(run)
    assert found
    recipe = coding.recipe_of_run(found)
    assert recipe.losses[0] == service.history(run).losses[0]
    assert (recipe.steps, recipe.test_accuracy) == (None, found.test_accuracy)
    assert json.loads(coding.write(recipe, "notebook"))["nbformat"] == 4


def test_a_model_is_offered_as_code_where_it_says_how_it_was_trained(service: Service) -> None:
    config = RunConfig.recommended("lbfgs", epochs=1)
    paths.models().mkdir(exist_ok=True)
    checkpoints.save_parameters(Network(), paths.models() / "coded.safetensors", {"config": config.to_dict()})
    page = open_page("models", model="coded")
    assert "Keras has no optimizer that steps like L-BFGS here; take PyTorch." in words(page).replace("\\", "")
    assert "PyTorch" in {button.proto.label for button in page.get("download_button")}


def test_the_popover_promises_no_check_where_the_way_to_the_weights_is_not_known(service: Service, run: str) -> None:
    promise, other = (
        "ends by checking its figures against those here",
        "it begins with others, so its figures are others",
    )
    child = service.branch(run, 2, {})
    wait_for_runs(service, [child])
    assert promise in words(open_page("runs", run=child))
    found = service.run(child)
    assert found and coding.recipe_of_run(found).whole
    service.delete([run])
    service.purge([run])
    said = words(open_page("runs", run=child))
    assert other in said and promise not in said
    assert not coding.recipe_of_run(found).whole
