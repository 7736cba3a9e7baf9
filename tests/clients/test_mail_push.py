"""Being told of changes: EventSource, WebSocket (RFC 8887) and push subscriptions (RFC 8620 §7.2)."""

import http.server
import json
import queue
import threading
import time

import pytest
import websocket

from mail import ANN, MAIL, CORE, Jmap, account, message, status_of
from server import Server

LIMIT_S = 20
WEBSOCKET = "urn:ietf:params:jmap:websocket"


@pytest.fixture(scope="module")
def running():
    with Server("--mail-private-pushes", "true") as server:
        server.ann = account(server, "ann", ANN)
        yield server


@pytest.fixture
def ann(running) -> Jmap:
    return Jmap(running.addresses["web"], "ann", running.ann)


class EventSource:
    """Changes as an event stream tells them; each with when it came."""

    def __init__(self, client: Jmap, types="*", ping="0", **headers: str):
        url = client.session["eventSourceUrl"]
        for name, value in {"types": types, "closeafter": "no", "ping": ping}.items():
            url = url.replace("{" + name + "}", value)
        self.stream = client.http("GET", url, **headers)
        self.events: queue.Queue = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        event: dict[str, str] = {}
        for line in self.stream:
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            if name:
                event[name] = value
            elif event:
                self.events.put((time.monotonic(), event))
                event = {}

    def state(self) -> tuple[float, dict, str]:
        """The next change: when it came, what, and the event's id."""
        while True:
            at, event = self.events.get(timeout=LIMIT_S)
            if event.get("event") == "state":
                return at, json.loads(event["data"]), event.get("id", "")


def test_an_event_source_tells_of_changes_at_once(ann):
    source = EventSource(ann)
    inbox = ann.mailbox("inbox")
    blob = ann.upload(message("Told"))
    began = time.monotonic()
    ann.call("Email/import", emails={"e": {"blobId": blob, "mailboxIds": {inbox: True}}})
    at, change, _ = source.state()
    print(f"told by EventSource {1000 * (at - began):.1f} ms after the request began")
    assert change["@type"] == "StateChange"
    assert change["changed"][ann.account]["Email"] == ann.call("Email/get", ids=[])["state"]


def test_an_event_source_tells_only_what_was_asked_for_and_goes_on_where_it_was(ann):
    source = EventSource(ann, types="Mailbox")
    made = ann.call("Mailbox/set", create={"m": {"name": "Told"}})["created"]["m"]["id"]
    _, change, last = source.state()
    assert list(change["changed"][ann.account]) == ["Mailbox"]
    # What changed while nobody listened is told to who says what it knows.
    ann.call("Mailbox/set", destroy=[made])
    again = EventSource(ann, types="Mailbox", Last_Event_ID=last)
    _, change, _ = again.state()
    assert change["changed"][ann.account]["Mailbox"] == ann.call("Mailbox/get", ids=[])["state"]


def connect(client: Jmap, **options) -> websocket.WebSocket:
    url = client.session["capabilities"][WEBSOCKET]["url"]
    headers = {"Authorization": client.authorization}
    return websocket.create_connection(
        url, header=headers, subprotocols=["jmap"], timeout=LIMIT_S, **({"suppress_origin": True} | options)
    )


def test_a_websocket_answers_and_tells_of_changes_at_once(ann):
    socket = connect(ann)
    assert socket.getsubprotocol() == "jmap"
    request = {"@type": "Request", "id": "one", "using": [CORE], "methodCalls": [["Core/echo", {"a": 1}, "0"]]}
    socket.send(json.dumps(request))
    answer = json.loads(socket.recv())
    assert (answer["@type"], answer["requestId"]) == ("Response", "one")
    assert answer["methodResponses"] == [["Core/echo", {"a": 1}, "0"]]
    socket.send("{")
    assert json.loads(socket.recv())["@type"] == "RequestError"

    socket.send(json.dumps({"@type": "WebSocketPushEnable", "dataTypes": ["Email"]}))
    # Messages are taken in their order: once this is answered the one before it was taken.
    socket.send(json.dumps(request))
    assert json.loads(socket.recv())["@type"] == "Response"
    inbox, blob = ann.mailbox("inbox"), ann.upload(message("Told by socket"))
    began = time.monotonic()
    ann.call("Email/import", emails={"e": {"blobId": blob, "mailboxIds": {inbox: True}}})
    change = json.loads(socket.recv())
    print(f"told by WebSocket {1000 * (time.monotonic() - began):.1f} ms after the request began")
    assert change["@type"] == "StateChange"
    assert list(change["changed"][ann.account]) == ["Email"]
    socket.close()


def test_a_websocket_of_a_strangers_page_or_without_a_password_is_refused(ann):
    for options in ({"origin": "https://evil.example", "suppress_origin": False}, {"header": {}}):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            if "header" in options:
                websocket.create_connection(
                    ann.session["capabilities"][WEBSOCKET]["url"], subprotocols=["jmap"], suppress_origin=True
                )
            else:
                connect(ann, **options)
        assert refused.value.status_code in (401, 403)


class Target:
    """A push service of its own: what it was sent, and when."""

    def __init__(self):
        self.sent: queue.Queue = queue.Queue()
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                target.sent.put((time.monotonic(), self.headers, body))
                self.send_response(201)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/push"

    def next(self):
        return self.sent.get(timeout=LIMIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def set_push(client: Jmap, **arguments) -> dict:
    ((name, answer, _),) = client.request(["PushSubscription/set", arguments])
    assert name == "PushSubscription/set", answer
    return answer


def get_push(client: Jmap) -> list[dict]:
    ((name, answer, _),) = client.request(["PushSubscription/get", {"ids": None}])
    assert name == "PushSubscription/get", answer
    return answer["list"]


def test_a_push_subscription_is_confirmed_and_told(ann):
    with Target() as target:
        made = set_push(ann, create={"p": {"deviceClientId": "tests", "url": target.url, "types": ["Email"]}})
        id = made["created"]["p"]["id"]
        _, headers, body = target.next()
        assert headers["content-type"] == "application/json" and headers["ttl"]
        verification = json.loads(body)
        assert verification["@type"] == "PushVerification"
        assert verification["pushSubscriptionId"] == id
        ann.put(message("Not told yet"))
        wrong = set_push(ann, update={id: {"verificationCode": "guess"}})
        assert wrong["notUpdated"][id]["type"] == "invalidProperties"
        code = verification["verificationCode"]
        assert id in set_push(ann, update={id: {"verificationCode": code}})["updated"]
        assert get_push(ann)[0]["verificationCode"] == code
        began = time.monotonic()
        ann.put(message("Told"))
        at, _, body = target.next()
        print(f"pushed {1000 * (at - began):.1f} ms after the upload began")
        change = json.loads(body)
        assert change["@type"] == "StateChange"
        assert change["changed"] == {ann.account: {"Email": ann.call("Email/get", ids=[])["state"]}}
        assert set_push(ann, destroy=[id])["destroyed"] == [id]
        assert get_push(ann) == []


def test_what_is_pushed_is_encrypted_for_who_gives_keys(ann):
    keys = {
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    }
    with Target() as target:
        create = {"p": {"deviceClientId": "tests", "url": target.url, "keys": keys}}
        id = set_push(ann, create=create)["created"]["p"]["id"]
        _, headers, body = target.next()
        assert headers["content-encoding"] == "aes128gcm"
        assert b"PushVerification" not in body
        # RFC 8188 §2.1: salt, size of records, and the sender's point of P-256.
        assert len(body) > 86 and body[20] == 65 and body[21] == 4
        set_push(ann, destroy=[id])


def test_private_targets_are_refused_unless_they_are_allowed():
    with Server() as server:
        client = Jmap(server.addresses["web"], "ann", account(server, "ann", ANN))
        create = {"p": {"deviceClientId": "tests", "url": "http://127.0.0.1:1/"}}
        refused = set_push(client, create=create)["notCreated"]["p"]
        assert (refused["type"], refused["properties"]) == ("invalidProperties", ["url"])
        assert status_of(lambda: client.get("/jmap/eventsource?types=*&closeafter=never&ping=0")) == 400
        assert MAIL in client.session["capabilities"]
