import pytest

from core.runs.pool import worker_count


@pytest.mark.parametrize("text", ["0", "65", "two", "-1", "1.5"])
def test_a_worker_count_that_makes_no_sense_is_refused(monkeypatch, text):
    monkeypatch.setenv("DESCENT_WORKERS", text)
    with pytest.raises(ValueError, match=r"DESCENT_WORKERS must be a whole number in \[1, 64\], got DESCENT_WORKERS"):
        worker_count()


def test_the_worker_count_is_settable(monkeypatch):
    monkeypatch.setenv("DESCENT_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.delenv("DESCENT_WORKERS")
    assert worker_count() >= 1
