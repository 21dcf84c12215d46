"""Clusters that cannot be joined: the reason is one sentence, and it comes at once."""

import socket

import pytest

from core.runs.cluster.pool import ClusterPool

pytest.importorskip("ray", reason="pip install -r requirements-cluster.txt")


@pytest.fixture
def refusal(monkeypatch):
    """Return the sentence that refuses a cluster of this address and token."""

    def of(address, token):
        monkeypatch.setenv("DESCENT_CLUSTER", address)
        monkeypatch.setenv("RAY_AUTH_MODE", "token")
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
        with pytest.raises(ValueError) as caught:
            ClusterPool(1, lambda message: None, lambda: None, lambda run_id: None).start()
        return str(caught.value)

    return of


def test_an_address_at_which_nothing_answers_is_refused(refusal):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        assert (
            refusal(address, "any")
            == f"The Ray cluster at {address} cannot be joined: nothing answers at this address."
        )


@pytest.mark.slow
def test_a_cluster_with_another_token_or_with_none_is_refused(nodes, start_nodes, refusal):
    sentence = f"The Ray cluster at {nodes.address} cannot be joined: its token is not the one of this machine"
    assert refusal(nodes.address, "another") == f"{sentence} (RAY_AUTH_TOKEN, or ~/.ray/auth_token)."
    is_open = start_nodes("disabled")
    sentence = (
        f"The Ray cluster at {is_open.address} cannot be joined: it asks for no token, so anyone who reaches it can"
    )
    found = refusal(is_open.address, "another")
    assert found.startswith(sentence) and found.endswith("for the lab and for each `ray start`.")
    is_open.close()
