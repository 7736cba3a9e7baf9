"""kill -9 in the middle of imports, submissions and changes, again and again on the same data; and the same with power lost at
most kills, so that what was not synced is kept, lost or torn (`tests/lossy-disk`).

What was answered is there, once; what was not answered is there once or not at all. Whoever replays the changes from any
state that was seen ends with what the server tells, and a search finds what the store has.

`CONCIERGE_CRASH_ROUNDS` sets how often (6 unless set), `CONCIERGE_SEED` the choices.
"""

import collections
import contextlib
import dataclasses
import os
import random
import threading
import urllib.error

import pytest

from lossy import LossyDisk
from mail import ANN, BOB, Jmap, account, message, wait_for
from server import Server, give_compiled

ROUNDS = int(os.environ.get("CONCIERGE_CRASH_ROUNDS", "6"))
SEED = int(os.environ.get("CONCIERGE_SEED", random.SystemRandom().randrange(2**32)))
IMPORTERS = 3
PAGE = 200
COMMON = "ledger"
"""A word of every message."""
EMAIL = ["messageId", "keywords", "mailboxIds"]


@dataclasses.dataclass
class Told:
    """What clients did, and what they were told of it; each message is known by its Message-ID."""

    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    asked: set[str] = dataclasses.field(default_factory=set)
    imported: set[str] = dataclasses.field(default_factory=set)
    destroying: set[str] = dataclasses.field(default_factory=set)
    destroyed: set[str] = dataclasses.field(default_factory=set)
    flagged: set[str] = dataclasses.field(default_factory=set)
    sending: set[str] = dataclasses.field(default_factory=set)
    sent: set[str] = dataclasses.field(default_factory=set)

    def add(self, to: str, name: str):
        with self.lock:
            getattr(self, to).add(name)


def named(name: str, **fields: str) -> bytes:
    return message(f"Note {name}", f"A {COMMON} with the entry {name}.", Message_ID=f"<{name}@example.org>", **fields)


class Work:
    """Clients that work until the server is gone."""

    def __init__(self, server: Server, told: Told, round: int, passwords: dict[str, str]):
        self.address, self.told, self.round, self.passwords = server.addresses["web"], told, round, passwords
        jobs = [(self.imports, number) for number in range(IMPORTERS)] + [(self.sends, 0), (self.changes, 0)]
        self.faults: list[BaseException] = []
        self.counted = threading.Semaphore(0)
        """Released with each answer."""
        self.threads = [threading.Thread(target=self.until_gone, args=job) for job in jobs]
        for thread in self.threads:
            thread.start()

    def client(self, name: str) -> Jmap:
        return Jmap(self.address, name, self.passwords[name])

    def until_gone(self, job, number: int):
        try:
            job(number)
        except (ConnectionError, urllib.error.URLError, EOFError, ValueError) as gone:
            # A ValueError is half an answer, an HTTPError one of the server.
            if isinstance(gone, urllib.error.HTTPError):
                self.faults.append(gone)
        except Exception as fault:
            if type(fault).__name__ not in ("IncompleteRead", "RemoteDisconnected", "BadStatusLine"):
                self.faults.append(fault)

    def join(self):
        for thread in self.threads:
            thread.join()
        assert not self.faults, self.faults

    def imports(self, number: int):
        client = self.client("ann")
        for count in range(1_000_000):
            name = f"i{self.round}x{number}x{count}"
            self.told.add("asked", name)
            client.put(named(name))
            self.told.add("imported", name)
            self.counted.release()

    def sends(self, _):
        client = self.client("ann")
        (identity,) = client.call("Identity/get", ids=None)["list"]
        for count in range(1_000_000):
            name = f"s{self.round}x{count}"
            self.told.add("asked", name)
            draft = client.put(named(name, sender=ANN, to=BOB), role="drafts")
            self.told.add("imported", name)
            self.told.add("sending", name)
            made = client.call(
                "EmailSubmission/set", create={"s": {"identityId": identity["id"], "emailId": draft["id"]}}
            )
            assert "s" in (made["created"] or {}), made
            self.told.add("sent", name)
            self.counted.release()

    def changes(self, _):
        client = self.client("ann")
        choice = random.Random(f"{SEED}/{self.round}")
        archive = client.mailbox("archive")
        while True:
            ids = client.call("Email/query", limit=50, position=choice.randrange(20))["ids"]
            if not ids:
                continue
            one = client.call("Email/get", ids=[choice.choice(ids)], properties=EMAIL)["list"]
            if not one:
                continue
            (name,) = (found.removesuffix("@example.org") for found in one[0]["messageId"])
            if choice.random() < 0.3:
                self.told.add("destroying", name)
                if client.call("Email/set", destroy=[one[0]["id"]]).get("destroyed"):
                    self.told.add("destroyed", name)
            else:
                patch = {"keywords/$flagged": True, f"mailboxIds/{archive}": True}
                if client.call("Email/set", update={one[0]["id"]: patch}).get("updated"):
                    self.told.add("flagged", name)
            self.counted.release()


def everything(client: Jmap) -> tuple[dict[str, dict], str]:
    """All emails by id, and their state; nobody changes anything meanwhile."""
    ids, found = [], {}
    while page := client.call("Email/query", limit=PAGE, position=len(ids))["ids"]:
        ids += page
    for start in range(0, len(ids), PAGE):
        answer = client.call("Email/get", ids=ids[start : start + PAGE], properties=EMAIL)
        found |= {one["id"]: one for one in answer["list"]}
    return found, client.call("Email/get", ids=[])["state"]


def replayed(client: Jmap, emails: dict[str, dict], state: str) -> dict[str, dict]:
    """What becomes of emails by the changes since a state."""
    emails = dict(emails)
    while True:
        changes = client.call("Email/changes", sinceState=state, maxChanges=PAGE)
        for id in changes["destroyed"]:
            emails.pop(id, None)
        news = changes["created"] + changes["updated"]
        answer = client.call("Email/get", ids=news, properties=EMAIL) if news else {"list": []}
        emails |= {one["id"]: one for one in answer["list"]}
        state = changes["newState"]
        if not changes["hasMoreChanges"]:
            return emails


def check(client: Jmap, told: Told, before: list[tuple[dict, str]]) -> tuple[dict, str]:
    """Holds what the server tells against what it told; gives what it tells."""
    emails, state = everything(client)
    names = [one["messageId"][0].removesuffix("@example.org") for one in emails.values()]
    by_name = dict(zip(names, emails.values()))
    assert len(names) == len(by_name), "a message is there twice"
    assert set(names) <= told.asked
    assert told.imported - told.destroying <= set(names), "what was accepted is lost"
    assert not told.destroyed & set(names), "what was destroyed is back"
    for name in told.flagged & set(names):
        assert "$flagged" in by_name[name]["keywords"], "a change is lost"
    for earlier, since in before:
        assert replayed(client, earlier, since) == emails, "changes do not lead to the present"
    found = []
    while page := client.call("Email/query", filter={"body": COMMON}, limit=PAGE, position=len(found))["ids"]:
        found += page
    assert set(found) == set(emails) and len(found) == len(emails), "search has other messages than the store"
    for name in random.Random(SEED).sample(sorted(by_name), min(20, len(by_name))):
        assert client.find(body=name) == [by_name[name]["id"]]
    return emails, state


def arrived(client: Jmap) -> list[str]:
    emails, _ = everything(client)
    return [one["messageId"][0].removesuffix("@example.org") for one in emails.values()]


@pytest.mark.parametrize("loses_power", [False, True], ids=["killed", "without-power"])
def test_what_was_answered_outlives_kills(tmp_path, loses_power):
    print(f"CONCIERGE_SEED={SEED}")
    data = tmp_path / "data"
    with LossyDisk(data) if loses_power else contextlib.nullcontext() as disk:
        give_compiled(data)
        if disk:
            disk.sync()
        run(data, disk)


def run(data, disk: LossyDisk | None):
    told, before, passwords, lost = Told(), [], {}, collections.Counter()
    choice = random.Random(SEED)
    for round in range(ROUNDS):
        with Server(data=data) as server:
            if not passwords:
                passwords = {"ann": account(server, "ann", ANN), "bob": account(server, "bob", BOB)}
            ann = Jmap(server.addresses["web"], "ann", passwords["ann"])
            before.append(check(ann, told, before))
            work = Work(server, told, round, passwords)
            for _ in range(choice.randrange(20, 150)):
                assert work.counted.acquire(timeout=60), work.faults
            server.process.kill()
            server.process.wait()
            work.join()
        if disk:
            lost.update(disk.after_kill(choice))
    with Server(data=data) as server:
        check(Jmap(server.addresses["web"], "ann", passwords["ann"]), told, before)
        bob = Jmap(server.addresses["web"], "bob", passwords["bob"])
        wait_for(lambda: told.sent <= set(arrived(bob)), limit_s=60)
        names = arrived(bob)
        assert len(names) == len(set(names)), "a message was delivered twice"
        assert set(names) <= told.sending
    print(f"{len(told.imported)} imported, {len(told.sent)} sent, {len(told.destroyed)} destroyed, in {ROUNDS} rounds")
    print(f"lost: {dict(lost)}")
