"""The live stream over real connections: a server of its own, two real workers."""

import json
import threading
import urllib.request

import pytest
import uvicorn
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from core.config import RunConfig
from dashboard import lab, live


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """host:port of a server with the lab's routes and its service."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DESCENT_HOME", str(tmp_path_factory.mktemp("home")))
    patch.setenv("DESCENT_WORKERS", "2")
    lab.start()
    config = uvicorn.Config(Starlette(routes=live.routes), port=0, log_level="error", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    pause = threading.Event()
    while not server.started:
        pause.wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
    lab.stop()
    patch.undo()


@pytest.fixture
def client(address):
    with connect(f"ws://{address}/lab/live") as opened:
        yield opened


def ask(client, **runs):
    client.send(json.dumps({"runs": runs}))


def receive(client, run_id, until):
    """The run's events up to the frame with one for which ``until`` holds."""
    events = []
    while not any(map(until, events)):
        frame = json.loads(client.recv(timeout=60))
        assert frame["run"] == run_id
        events += frame["events"]
    return events


def finished(event):
    return event.get("state") == "finished"


def test_a_run_is_told_from_its_first_event_to_its_last(client):
    run_id = lab.service().submit(RunConfig(epochs=1))
    ask(client, **{run_id: -1})
    events = receive(client, run_id, finished)
    assert [event["seq"] for event in events] == list(range(len(events)))
    steps = [step for event in events if event["event"] == "StepsDone" for step in event["steps"]]
    assert steps == list(range(750))
    assert events[-2]["event"] == "RunFinished"


def test_a_client_that_comes_back_gets_what_it_lacks_once(address):
    run_id = lab.service().submit(RunConfig(epochs=3))
    with connect(f"ws://{address}/lab/live") as first:
        ask(first, **{run_id: -1})
        before = receive(first, run_id, lambda event: event["event"] == "EpochDone")
    with connect(f"ws://{address}/lab/live") as second:
        ask(second, **{run_id: before[-1]["seq"]})
        after = receive(second, run_id, finished)
    assert [event["seq"] for event in before + after] == list(range(len(before) + len(after)))


def test_a_finished_run_is_told_whole_to_a_newcomer_in_pieces(client, monkeypatch):
    run_id = lab.service().submit(RunConfig(epochs=1))
    ask(client, **{run_id: -1})
    live_events = receive(client, run_id, finished)
    monkeypatch.setattr(live, "LARGEST_FRAME", 3)
    ask(client, **{run_id: -1})
    assert receive(client, run_id, finished) == live_events


def test_a_client_can_change_what_it_wants(client):
    first, second = (lab.service().submit(RunConfig(epochs=1)) for _ in range(2))
    ask(client, **{first: -1})
    receive(client, first, finished)
    ask(client, **{second: -1})
    receive(client, second, finished)


def test_an_unknown_run_is_said_to_be_unknown(client):
    ask(client, nobody=-1)
    assert receive(client, "nobody", bool) == [{"event": "Unknown"}]


@pytest.mark.parametrize("nonsense", ["", "[]", '{"runs": 3}', '{"runs": {"a": "b"}}', "{}", '{"runs": {"a": null}}'])
def test_nonsense_closes_the_connection_and_harms_nobody_else(address, client, nonsense):
    with connect(f"ws://{address}/lab/live") as other:
        other.send(nonsense)
        with pytest.raises(ConnectionClosed) as closed:
            other.recv(timeout=20)
        assert closed.value.rcvd.code == 1003
    ask(client, nobody=-1)
    assert receive(client, "nobody", bool)


def test_plotly_comes_from_the_machine_itself(address):
    with urllib.request.urlopen(f"http://{address}/lab/plotly.min.js") as answer:
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert "max-age" in answer.headers["Cache-Control"]
        assert b"plotly.js v" in answer.read(1000)
