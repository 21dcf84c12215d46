import pytest

from core.runs.cluster import settings


def test_a_cluster_without_a_token_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setenv("DESCENT_CLUSTER", "10.0.0.1:6379")
    for mode in ("disabled", None):
        monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
        if mode:
            monkeypatch.setenv("RAY_AUTH_MODE", mode)
        with pytest.raises(ValueError, match=r"joins no cluster without a token, .*`ray get-auth-token --generate`"):
            settings.address()
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert settings.address() == "10.0.0.1:6379"
    assert "RAY_AUTH_TOKEN" not in settings.environment()


@pytest.mark.parametrize("given", ["", "lab", "lab:", ":6379", "lab:port", "ray://lab"])
def test_what_is_no_address_is_refused_with_an_example(monkeypatch, given):
    monkeypatch.setenv("DESCENT_CLUSTER", given)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(ValueError, match=rf"^DESCENT_CLUSTER must be .*host:6379.* got {given or 'nothing'}\.$"):
        settings.address()


def test_the_own_cluster_has_a_token_that_nobody_knows(monkeypatch):
    monkeypatch.setenv("DESCENT_CLUSTER", "auto")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    first, second = settings.environment(), settings.environment()
    assert first["RAY_AUTH_MODE"] == "token"
    assert len(first["RAY_AUTH_TOKEN"]) == 64 and first["RAY_AUTH_TOKEN"] != second["RAY_AUTH_TOKEN"]


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("DESCENT_CLUSTER", "auto")
    monkeypatch.setattr(settings, "installed", lambda: False)
    with pytest.raises(ValueError, match=r"^DESCENT_CLUSTER needs the package ray: pip install -r requirements-"):
        settings.address()
