import pytest

from tests.core.runs.scripts import printed_by


@pytest.mark.slow
def test_on_a_full_disk_the_run_goes_on_and_nothing_is_lost(tmp_path):
    told = printed_by("full_disk.py", tmp_path)
    assert told["trouble"].startswith("The lab cannot record what happens: ")
    assert told["trouble"].endswith(" Runs go on; free some space on its disk.")
    assert told["refused"].startswith("The run could not be saved on the lab's disk: ")
    assert told["went_on"] and told["kept_in_memory"]
    assert told["run"] == "A checkpoint could not be written: File too large."
    assert told["state"] == "stopped" and told["whole"]
