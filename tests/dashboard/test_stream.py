"""The live stream over real connections: a server of its own, two real workers."""

import base64
import contextlib
import json
import os
import socket
import sqlite3
import threading

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from core.runs import states
from core.training.config import RunConfig
from dashboard import lab, stream
from tests.waiting import LIMIT, wait_for


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """host:port of a server with the lab's routes and its service."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DESCENT_HOME", str(tmp_path_factory.mktemp("home")))
    patch.setenv("DESCENT_WORKERS", "2")
    lab.start()
    config = uvicorn.Config(
        Starlette(routes=stream.routes, middleware=stream.middleware), port=0, log_level="error", ws="websockets-sansio"
    )
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


@contextlib.contextmanager
def connected(address):
    """A client that has heard which server it talks to."""
    with connect(f"ws://{address}/lab/live") as opened:
        assert json.loads(opened.recv(timeout=LIMIT)) == {"lab": stream.TOKEN}
        yield opened


@pytest.fixture
def client(address):
    with connected(address) as opened:
        yield opened


class Scripted:
    """In the place of the service: runs whose events the test makes."""

    def __init__(self, **runs):
        self.runs = runs

    def messages(self, run_id, after=-1):
        return self.runs[run_id][after + 1 :] if run_id in self.runs else None

    def changes(self, after):
        return after + 1, set(self.runs)

    def positions(self):
        return {}


@pytest.fixture
def scripted(monkeypatch):
    service = Scripted()
    monkeypatch.setattr(lab, "service", lambda: service)
    return service


def event(seq, **rest):
    return json.dumps({"seq": seq, **rest}, separators=(",", ":"))


def ask(client, **runs):
    client.send(json.dumps({"runs": runs}))


def receive(client, run_id, until):
    """The run's events up to the frame with one for which ``until`` holds."""
    events = []
    while not any(map(until, events)):
        frame = json.loads(client.recv(timeout=LIMIT))
        assert frame["run"] == run_id
        events += frame["events"]
    assert frame["over"] is (events[-1].get("event") == "Unknown" or events[-1].get("state") in states.OVER)
    return events


def finished(event):
    return event.get("state") == "finished"


@pytest.mark.slow
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
    with connected(address) as first:
        ask(first, **{run_id: -1})
        before = receive(first, run_id, lambda event: event["event"] == "EpochDone")
    with connected(address) as second:
        ask(second, **{run_id: before[-1]["seq"]})
        after = receive(second, run_id, finished)
    assert [event["seq"] for event in before + after] == list(range(len(before) + len(after)))


@pytest.mark.slow
def test_a_finished_run_is_told_whole_to_a_newcomer_in_pieces(client, monkeypatch):
    run_id = lab.service().submit(RunConfig(epochs=1))
    ask(client, **{run_id: -1})
    live_events = receive(client, run_id, finished)
    monkeypatch.setattr(stream, "LARGEST_FRAME", 3000)
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


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "[]",
        "{}",
        '{"runs": 3}',
        '{"runs": {"a": "b"}}',
        '{"runs": {"a": null}}',
        '{"runs": {"a": 1e999}}',
        '{"runs": {"a": true}}',
        '{"runs": {"a": -2}}',
        '{"runs": {"\\ud800": -1}}',
        '{"runs": {"../..": -1}}',
        '{"runs": {"": -1}}',
        "[" * 30_000,
        '{"runs": ' * 7_000,
        "x" * 100_000,
    ],
    ids=lambda text: f"{text[:20]} {len(text)}",
)
def test_nonsense_closes_the_connection_and_harms_nobody_else(address, client, nonsense):
    with connected(address) as other:
        other.send(nonsense)
        with pytest.raises(ConnectionClosed) as closed:
            other.recv(timeout=LIMIT)
        assert closed.value.rcvd.code == 1003 and closed.value.rcvd.reason.startswith("A ")
    ask(client, nobody=-1)
    assert receive(client, "nobody", bool)


def test_a_run_that_is_over_says_so_to_who_has_all_of_it(client, scripted):
    scripted.runs["done"] = [event(0, event="State", state="running"), event(1, event="State", state="finished")]
    ask(client, done=1)
    assert json.loads(client.recv(timeout=LIMIT)) == {"run": "done", "position": None, "events": [], "over": True}
    ask(client, done=0)
    assert [e["seq"] for e in receive(client, "done", finished)] == [1]


def test_a_run_that_is_resumed_goes_on_for_who_watches_it(client, scripted):
    scripted.runs["back"] = [event(0, event="State", state="interrupted")]
    ask(client, back=-1)
    assert json.loads(client.recv(timeout=LIMIT))["over"] is True
    scripted.runs["back"].append(event(1, event="State", state="running"))
    frame = json.loads(client.recv(timeout=LIMIT))
    assert ([e["seq"] for e in frame["events"]], frame["over"]) == ([1], False)


def test_what_a_client_says_while_it_is_told_counts_and_nothing_is_skipped(client, scripted):
    """It asks again from the start before it has read the answer: it then gets all of it, whole and in order."""
    scripted.runs["long"] = [event(seq, pad="x" * 50_000) for seq in range(400)]
    ask(client, long=-1)
    assert json.loads(client.recv(timeout=LIMIT))["events"][0]["seq"] == 0
    ask(client, long=-1)
    seqs, starts = [0], 1
    while seqs[-1:] != [399] or starts < 2:
        for told in json.loads(client.recv(timeout=LIMIT))["events"]:
            starts += told["seq"] == 0
            assert told["seq"] == 0 or told["seq"] == seqs[-1] + 1
            seqs.append(told["seq"])
    assert starts == 2


class Unread:
    """A browser that asked for a run and stopped reading: the socket is open, and nobody takes what comes."""

    def __init__(self, address, run_id):
        host, port = address.split(":")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((host, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /lab/live HTTP/1.1", f"Host: {address}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        assert self.socket.recv(12) == b"HTTP/1.1 101"
        text = json.dumps({"runs": {run_id: -1}}).encode()
        self.socket.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)

    def ended(self):
        """Return True once the server has cut the connection and all that had arrived is read."""
        self.socket.settimeout(LIMIT)
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(1 << 20):
                pass
        return True


@pytest.fixture
def asleep(address, scripted):
    """Three viewers of a run of 40 MB who read nothing."""
    scripted.runs["large"] = [event(seq, pad="x" * 100_000) for seq in range(400)]
    with contextlib.ExitStack() as sockets:
        viewers = [Unread(address, "large") for _ in range(3)]
        for one in viewers:
            sockets.enter_context(one.socket)
        yield viewers


def test_who_does_not_read_delays_nobody(client, scripted, asleep, monkeypatch):
    monkeypatch.setattr(stream, "PATIENCE_SECONDS", LIMIT)
    ask(client, large=-1)
    assert receive(client, "large", lambda e: e["seq"] == 399)
    for seq in range(400, 405):
        scripted.runs["large"].append(event(seq))
        receive(client, "large", lambda e, last=seq: e["seq"] == last)
    assert len(stream.broadcast.subscriptions["large"].subscribers) == 4


def test_who_does_not_read_is_dropped(client, scripted, asleep, monkeypatch):
    monkeypatch.setattr(stream, "PATIENCE_SECONDS", 1.0)
    ask(client, large=-1)
    assert receive(client, "large", lambda e: e["seq"] == 399)

    def viewers():
        scripted.runs["large"].append(event(len(scripted.runs["large"])))
        receive(client, "large", bool)
        return len(stream.broadcast.subscriptions["large"].subscribers)

    wait_for(viewers, lambda count: count == 1)
    assert all(one.ended() for one in asleep)


def test_nobody_is_asked_about_once_the_last_viewer_has_left(address, scripted):
    scripted.runs["quiet"] = [event(0)]
    with connected(address) as client:
        ask(client, quiet=-1)
        receive(client, "quiet", bool)
    wait_for(lambda: stream.broadcast.subscriptions, lambda left: left == {})


def test_viewers_go_on_after_the_service_failed_once(client, scripted, monkeypatch, caplog):
    scripted.runs["hurt"] = [event(0)]
    ask(client, hurt=-1)
    receive(client, "hurt", bool)
    working, failed = scripted.messages, threading.Event()

    def failing(*_):
        monkeypatch.setattr(scripted, "messages", working)
        failed.set()
        raise OSError("disk")

    monkeypatch.setattr(scripted, "messages", failing)
    assert failed.wait(LIMIT)
    scripted.runs["hurt"].append(event(1))
    assert [e["seq"] for e in receive(client, "hurt", bool)] == [1]
    assert "the service did not answer" in caplog.text


def test_a_run_that_cannot_be_read_holds_up_no_other(client, scripted, monkeypatch, caplog):
    monkeypatch.setattr(stream, "RETRY_SECONDS", 0.2)
    scripted.runs |= {"damaged": [event(0)], "whole": [event(0)]}
    messages, whole = scripted.messages, threading.Event()

    def reading(run_id, after=-1):
        if run_id == "damaged" and not whole.is_set():
            raise sqlite3.DatabaseError("database disk image is malformed")
        return messages(run_id, after)

    monkeypatch.setattr(scripted, "messages", reading)
    ask(client, damaged=-1, whole=-1)
    for seq in (0, 1):
        assert [e["seq"] for e in receive(client, "whole", bool)] == [seq]
        scripted.runs["whole"].append(event(seq + 1))
    assert [e["seq"] for e in receive(client, "whole", bool)] == [2]
    assert caplog.text.count("did not answer for run damaged") == 1
    whole.set()
    assert [e["seq"] for e in receive(client, "damaged", bool)] == [0]


def test_what_has_not_changed_is_not_read_again(client, scripted, monkeypatch):
    scripted.runs |= {f"over{n}": [event(0, event="State", state="finished")] for n in range(20)}
    scripted.runs["going"] = [event(0)]
    reads, messages, changed = [], scripted.messages, {"going"}
    monkeypatch.setattr(scripted, "changes", lambda after: (after + 1, set(changed)))

    def reading(run_id, after=-1):
        reads.append(run_id)
        return messages(run_id, after)

    monkeypatch.setattr(scripted, "messages", reading)
    ask(client, **dict.fromkeys(scripted.runs, -1))
    frames = [json.loads(client.recv(timeout=LIMIT)) for _ in range(21)]
    assert {frame["run"] for frame in frames} == set(scripted.runs)
    for seq in range(1, 6):
        scripted.runs["going"].append(event(seq))
        assert [e["seq"] for e in receive(client, "going", bool)] == [seq]
    assert sorted(run for run in reads if run != "going") == sorted(set(scripted.runs) - {"going"})


def test_a_place_in_the_queue_is_told_as_it_changes(client, scripted, monkeypatch):
    scripted.runs["waits"] = [event(0, event="State", state="queued")]
    place = {"waits": 3}
    monkeypatch.setattr(scripted, "positions", lambda: dict(place))
    ask(client, waits=-1)
    frame = json.loads(client.recv(timeout=LIMIT))
    while frame["position"] is None:
        frame = json.loads(client.recv(timeout=LIMIT))
    assert frame["position"] == 3
    place["waits"] = 2
    assert json.loads(client.recv(timeout=LIMIT)) == {"run": "waits", "position": 2, "events": [], "over": False}
    place.clear()
    assert json.loads(client.recv(timeout=LIMIT))["position"] is None


# No denormals: a process that trains on its CPU has them flushed to zero (core/devices.py).
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_subnormal=False) | st.text()
KEYS = st.text() | st.just("runs")


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)))
def test_any_message_is_read_or_refused_in_one_short_sentence(message):
    reason, wanted = "", None
    try:
        wanted = stream._requested(json.dumps(message))
    except ValueError as error:
        reason = str(error)
    if wanted is None:
        assert 0 < len(reason.encode()) <= 123 and reason.startswith("A ")
    else:
        assert wanted == message["runs"] and all(seq >= -1 for seq in wanted.values())


@given(st.text())
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(ValueError):
        assert isinstance(stream._requested(text), dict)


def test_too_many_runs_at_once_are_refused(client):
    ask(client, **{str(i): -1 for i in range(stream.MOST_RUNS + 1)})
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=LIMIT)


def test_viewers_at_the_same_place_share_one_frame(scripted):
    subscription = stream.Subscription("run")
    subscription.extend([event(seq, pad="x" * 30_000) for seq in range(5)])
    frame, last = subscription.frame(-1)
    assert [e["seq"] for e in json.loads(frame)["events"]] == [0, 1]
    assert last == 1
    assert subscription.frame(-1)[0] is frame
    assert json.loads(subscription.frame(4)[0]) == {
        "run": "run",
        "position": None,
        "events": [],
        "over": False,
    }
    for after in range(20):
        subscription.frame(after)
    assert len(subscription._frames) == stream.KEPT_FRAMES
    subscription.extend([event(5, event="State", state="stopped")])
    assert (
        subscription.frame(3)[0]
        == '{"run":"run","position":null,"events":[' + ",".join(subscription.messages[4:]) + '],"over":true}'
    )
