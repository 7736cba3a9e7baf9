"""3,000 real messages over SMTP, by several connections at once: each once, and its trace is all that is new.

With CRLF, as SMTP needs it, all are taken; with the line feeds alone that files have, none is.
"""

import collections
import concurrent.futures
import json
import re

import pytest

import corpus
from mail import ANN, BOB, Jmap, account, wait_for
from server import Server
from smtp import DOMAIN, exchange

CONNECTIONS = 8
HOST_NAME = "mx.example.org"
SENDER = "s@far.example"
PAGE = 500
DELIVERY_LIMIT_S = 120
TRACE = re.compile(
    rb"Return-Path: <s@far\.example>\r\n"
    rb"Authentication-Results: mx\.example\.org; none\r\n"
    rb"Received: from client\.test \(\[127\.0\.0\.1\]\)\r\n"
    rb"\tby mx\.example\.org with ESMTP id ([0-9a-f]{32})\r\n"
    rb"\tfor <ann@example\.org>;\r\n"
    rb"\t\w{3}, \d\d? \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n"
)
"""What stands before a message that was taken, with the id that its client was told."""
TAKEN = re.compile(rb"2\.0\.0 taken as ([0-9a-f]{32})")
REFUSED = (550, "5.6.11 a CR or LF by itself in the message (RFC 5321 §2.3.8)".encode())
REFUSED_MAX = 20
"""So much may be refused on one connection."""


@pytest.fixture(scope="module")
def messages() -> list[bytes]:
    return corpus.messages()


@pytest.fixture(scope="module")
def running():
    with Server("--mail-domain", DOMAIN, "--mail-host-name", HOST_NAME) as server:
        yield server


def hand_in(server: Server, recipient: str, messages: list[bytes]) -> list[tuple[int, bytes]]:
    """Hands messages in over one connection; what was said to each."""
    replies = []
    with exchange(server) as client:
        client.ehlo("client.test")
        for message in messages:
            options = [] if message.isascii() else ["BODY=8BITMIME"]
            assert client.mail(SENDER, options)[0] == 250
            assert client.rcpt(recipient)[0] == 250
            replies.append(client.data(message))
    return replies


def at_once(work, items: list) -> list:
    """What `work` gives for each item, in their order; it has a part of them in each thread."""
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        parts = list(pool.map(work, [items[number::CONNECTIONS] for number in range(CONNECTIONS)]))
    return [parts[number % CONNECTIONS][number // CONNECTIONS] for number in range(len(items))]


def kept(ann: Jmap) -> list[bytes]:
    """All messages of an account."""
    blobs = []
    while ids := ann.call("Email/query", position=len(blobs), limit=PAGE)["ids"]:
        blobs += [one["blobId"] for one in ann.call("Email/get", ids=ids, properties=["blobId"])["list"]]
    return at_once(lambda part: [ann.download(blob) for blob in part], blobs)


def wait_until_delivered(server: Server):
    def is_idle():
        return json.loads(server.run("mail", "incoming", "--json").stdout)["waiting"] == 0

    wait_for(is_idle, DELIVERY_LIMIT_S)


def test_each_comes_once_and_unchanged(running, messages):
    ann = Jmap(running.addresses["web"], "ann", account(running, "ann", ANN))
    told: dict[bytes, bytes] = {}
    replies = at_once(lambda part: hand_in(running, ANN, part), messages)
    for message, (code, text) in zip(messages, replies, strict=True):
        assert code == 250, (code, text, message[:1000])
        told[TAKEN.fullmatch(text)[1]] = message
    assert len(told) == len(messages), "each has an id of its own"
    wait_until_delivered(running)
    found: dict[bytes, bytes] = {}
    for message in kept(ann):
        trace = TRACE.match(message)
        assert trace, message[:1000]
        assert trace[1] not in found, "one is there twice"
        found[trace[1]] = message[trace.end() :]
    assert found.keys() == told.keys()
    changed = [id for id in told if found[id] != told[id]]
    assert not changed, [(told[id][:500], found[id][:500]) for id in changed[:3]]
    print(f"{len(messages)} messages, {sum(map(len, messages))} octets")


def test_none_comes_with_line_feeds_alone(running, messages):
    bob = Jmap(running.addresses["web"], "bob", account(running, "bob", BOB))
    as_files = [message.replace(b"\r\n", b"\n") for message in messages]
    few = [as_files[start : start + REFUSED_MAX] for start in range(0, len(as_files), REFUSED_MAX)]
    replies = at_once(lambda parts: [hand_in(running, BOB, part) for part in parts], few)
    count = collections.Counter(reply for part in replies for reply in part)
    assert count == {REFUSED: len(messages)}
    wait_until_delivered(running)
    assert not kept(bob)
    print(f"{len(messages)} refused: {REFUSED[0]} {REFUSED[1].decode()}")
