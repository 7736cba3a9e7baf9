"""3,000 real messages: in and out again, their threads, and each by a word of its body."""

import collections
import concurrent.futures
import email
import email.policy
import hashlib
import json
import random
import re

import pytest

import corpus
import jwz
from mail import Jmap, account
from server import Server

PAGE = 500
ORDERS = 10
WRITERS = 4
WORD = re.compile(r"[a-z]{5,20}")
MARKUP = re.compile(r"<(style|script|title)\b.*?</\1>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)


@pytest.fixture(scope="module")
def messages() -> list[bytes]:
    return corpus.messages()


@pytest.fixture(scope="module")
def running():
    with Server() as server:
        yield server


def name_of(message: bytes) -> str:
    return hashlib.sha256(message).hexdigest()


def client(server: Server, name: str) -> Jmap:
    return Jmap(server.addresses["web"], name, account(server, name, f"{name}@example.org"))


def write_tree(directory, messages):
    """As files that are imported in this order."""
    directory.mkdir()
    for number, message in enumerate(messages):
        (directory / f"{number:05}.eml").write_bytes(message)


def all_emails(client: Jmap) -> list[dict]:
    """Every email's blob and thread."""
    found, position = [], 0
    while True:
        window = {"position": position, "limit": PAGE, "sort": [{"property": "receivedAt"}]}
        ids = client.call("Email/query", **window)["ids"]
        if not ids:
            return found
        found += client.call("Email/get", ids=ids, properties=["blobId", "threadId"])["list"]
        position += len(ids)


def threads_of(client: Jmap) -> set[frozenset[str]]:
    """The threads of an account, as sets of messages."""
    threads = collections.defaultdict(set)
    for one in all_emails(client):
        threads[one["threadId"]].add(one["blobId"].removeprefix("b"))
    return {frozenset(thread) for thread in threads.values()}


def test_what_is_imported_is_exported_as_it_was(running, messages, tmp_path):
    write_tree(tmp_path / "in", messages)
    ann = client(running, "ann")
    said = running.run("mail", "import", "ann", str(tmp_path / "in"))
    assert f"imported {len(messages)} messages" in said.stdout
    running.run("mail", "export", "ann", str(tmp_path / "out"), "--format", "eml")
    exported = [path.read_bytes() for path in (tmp_path / "out").rglob("*.eml")]
    assert sorted(map(name_of, exported)) == sorted(map(name_of, messages))
    sample = random.Random(1).sample(all_emails(ann), 50)
    for one in sample:
        assert name_of(ann.download(one["blobId"])) == one["blobId"].removeprefix("b")


def test_threads_are_those_of_another_implementation_in_every_order(running, messages, tmp_path):
    expected = jwz.threads((name_of(message), message) for message in messages)
    for number in range(ORDERS):
        order = list(messages)
        random.Random(number).shuffle(order)
        write_tree(tmp_path / str(number), order)
        one = client(running, f"order{number}")
        running.run("mail", "import", f"order{number}", str(tmp_path / str(number)))
        assert threads_of(one) == expected, f"order {number}"


def parts_of(message: email.message.Message):
    """The parts of a message, without those of messages in it."""
    if message.get_content_type() == "message/rfc822" or not message.is_multipart():
        yield message
        return
    for part in message.get_payload():
        yield from parts_of(part)


def words_of(message: bytes) -> set[str]:
    """Words of a message's body, as another reader decodes it."""
    words = set()
    for part in parts_of(email.message_from_bytes(message, policy=email.policy.compat32)):
        kind = part.get_content_type()
        if kind not in ("text/plain", "text/html") or part.get_filename():
            continue
        text = part.get_payload(decode=True).decode("latin-1")
        if kind == "text/html":
            text = MARKUP.sub("<>", text)
        if part.defects:
            continue
        # Whole words alone: what stands between blanks.
        words |= {word for word in text.split() if WORD.fullmatch(word)}
    return words


def test_each_message_is_found_by_a_word_at_once(running, messages):
    words = {name_of(message): words_of(message) for message in messages}
    often = collections.Counter(word for found in words.values() for word in found)

    def found_at_once(bob: Jmap, inbox: str, message: bytes) -> bool:
        rarest = min(words[name_of(message)], key=lambda word: (often[word], word))
        answers = bob.request(
            [
                "Email/import",
                {
                    "accountId": bob.account,
                    "emails": {"new": {"blobId": bob.upload(message), "mailboxIds": {inbox: True}}},
                },
            ],
            ["Email/query", {"accountId": bob.account, "filter": {"body": rarest}, "limit": PAGE}],
            [
                "Email/get",
                {
                    "accountId": bob.account,
                    "#ids": {"resultOf": "1", "name": "Email/query", "path": "/ids"},
                    "properties": ["blobId"],
                },
            ],
        )
        # By its bytes: where threads are joined emails have new ids.
        blob = answers[0][1]["created"]["new"]["blobId"]
        return blob in [one["blobId"] for one in answers[2][1]["list"]]

    searched = [message for message in dict.fromkeys(messages) if words[name_of(message)]]
    assert len(searched) > len(messages) * 0.9, "too few have a text that is read here"

    def missed_of(number: int) -> list[str]:
        bob = client(running, f"bob{number}")
        inbox = bob.mailbox("inbox")
        part = searched[number::WRITERS]
        return [name_of(message) for message in part if not found_at_once(bob, inbox, message)]

    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        missed = [name for names in pool.map(missed_of, range(WRITERS)) for name in names]
    assert not missed, json.dumps(missed[:10])
    print(f"{len(searched)} of {len(messages)} messages have a word to search for")
