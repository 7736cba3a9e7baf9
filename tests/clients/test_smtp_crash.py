"""kill -9 in a flood between two servers, again and again on the same data and ports; and the same with power lost at most
kills, so that what was not synced is kept, lost or torn (`tests/lossy-disk`).

What was told 250 is there. What came from outside is there once for each 250, and at most once without one: every attempt
has a Message-ID of its own, so that a copy is told from another attempt. What one server sends to the other is there at
least once, and again only where one of them was killed between the other's reply and its being noted. The test knows by the
copies: the id in the trace header of each tells when the receiver took it (UUIDv7), and beside that of all but the last lies
a kill, which explains no more messages than may be under way at once. A loss of power explains no more than a kill does:
what was noted was synced.

`CONCIERGE_CRASH_ROUNDS` sets how often (6 unless set), `CONCIERGE_SEED` the choices.
"""

import collections
import contextlib
import dataclasses
import json
import os
import random
import re
import shutil
import smtplib
import threading
import time
import uuid

import pytest

from lossy import LossyDisk
from mail import ANN, Jmap, account, message, wait_for
from server import Server, give_compiled
from smtp import DOMAIN, OTHER, OTHER_DOMAIN, exchange, free_port, submission

ROUNDS = int(os.environ.get("CONCIERGE_CRASH_ROUNDS", "6"))
SEED = int(os.environ.get("CONCIERGE_SEED", random.SystemRandom().randrange(2**32)))
STRANGER = "stranger@elsewhere.example"
STRANGERS, PROGRAMS = 2, 4
"""Connections to each server: from outside, and of the one who has mail there."""
MESSAGES_OF_ONE = 100
"""Of one connection."""
PAUSE_S = 0.01
"""Of a stranger between two messages: where syncs cost nothing, there would be time for little else than theirs."""
LARGE_EVERY = 40
"""Which messages of one connection are large, so that they have a file of their own while they wait."""
LARGE = f"{'Much. ' * 12}\r\n" * 4096
INTO_OUTAGE = 5
"""What a program goes on to send at most when the other server was killed."""
PAGE = 500
IDLE_LIMIT_S = 60 + 10 * ROUNDS
SOON_US = 2_000_000
"""What is tried again after longer is hurried."""
NEAR_S = 0.25
"""How long before a kill, or after it, a message was taken that was being sent then: much less than between two kills."""
AT_ONCE = 20
"""Messages that a server sends to another at once."""
TAKEN = re.compile(rb"2\.0\.0 taken as ([0-9a-f]{32})")
TRACE_ID = re.compile(r"\sid ([0-9a-f]{32})")


@dataclasses.dataclass
class Told:
    """What clients did and were told; each attempt is known by its Message-ID."""

    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    asked: set[str] = dataclasses.field(default_factory=set)
    taken: set[str] = dataclasses.field(default_factory=set)

    def ask(self, name: str):
        with self.lock:
            self.asked.add(name)

    def take(self, name: str):
        with self.lock:
            self.taken.add(name)


@dataclasses.dataclass
class Kill:
    """When a server was killed: between two times of the system's clock."""

    began_s: float
    ended_s: float

    def distance_s(self, time_s: float) -> float:
        return max(self.began_s - time_s, time_s - self.ended_s, 0)


class Site:
    """A server with someone's mail, on the same data and the same ports however often it starts."""

    other: "Site"

    def __init__(self, data, disk: LossyDisk | None, name: str, address: str, domain: str):
        """`disk` is what the data lie on, if that loses power."""
        self.data, self.disk, self.name, self.address, self.domain = data, disk, name, address, domain
        self.ports = {flag: free_port() for flag in ("--smtp", "--submission")}
        self.flood, self.sent = Told(), Told()
        """What came from outside; what was sent from here to the other one."""
        self.kills: list[Kill] = []
        self.lost = collections.Counter()
        self.is_up, self.has_way = threading.Event(), threading.Event()
        """It runs; and the other was not killed since it began to: else it leaves the other alone for half a minute."""

    def start(self):
        bound = [part for flag, port in self.ports.items() for part in (flag, f"127.0.0.1:{port}")]
        self.server = Server(
            *bound, "--mail-domain", self.domain, "--mail-host-name", f"mx.{self.domain}",
            "--mail-route", f"{self.other.domain}=127.0.0.1:{self.other.ports['--smtp']}", data=self.data,
        ).__enter__()
        self.has_way.set()
        self.is_up.set()

    def stop(self):
        self.server.__exit__()

    def settle(self):
        self.password = account(self.server, self.name, self.address)
        for rate in ("account-recipients", "account-messages"):
            self.server.run("mail", "rate", "set", rate, "0")

    def kill(self, choice: random.Random):
        self.is_up.clear()
        self.other.has_way.clear()
        began_s = time.time()
        self.server.process.kill()
        self.server.process.wait()
        self.kills.append(Kill(began_s, time.time()))
        self.stop()
        if self.disk:
            self.lost.update(self.disk.after_kill(choice))

    def jmap(self) -> Jmap:
        return Jmap(self.server.addresses["web"], self.name, self.password)

    def from_other(self) -> int:
        """Messages that came from the other one."""
        condition = {"from": self.other.address}
        return self.jmap().call("Email/query", filter=condition, calculateTotal=True, limit=1)["total"]

    def is_idle(self) -> bool:
        """Whether nothing waits, on its way in or out; what would wait for long is hurried."""
        queue = json.loads(self.server.run("mail", "queue", "list", "--json").stdout)
        assert queue["failed"] == 0, queue["entries"][:10]
        soon_us = time.time() * 1e6 + SOON_US
        for entry in queue["entries"]:
            if entry["state"] == "waiting" and entry["at_us"] > soon_us:
                # It fails where it is gone meanwhile.
                self.server.run("mail", "queue", "retry", self.name, entry["id"], check=False)
        incoming = json.loads(self.server.run("mail", "incoming", "--json").stdout)
        return queue["waiting"] == 0 and incoming["waiting"] == 0

    def copies(self) -> dict[str, list[float]]:
        """When the copies of each message were taken, in seconds of the system's clock."""
        client, received = self.jmap(), "header:Received:asRaw:all"
        copies, position = collections.defaultdict(list), 0
        while ids := client.call("Email/query", position=position, limit=PAGE)["ids"]:
            for one in client.call("Email/get", ids=ids, properties=["messageId", received])["list"]:
                taken_ms = uuid.UUID(TRACE_ID.search(one[received][0])[1]).int >> 80
                copies[one["messageId"][0].removesuffix("@notes.example")].append(taken_ms / 1000)
            position += len(ids)
        return {name: sorted(times) for name, times in copies.items()}


class Flood:
    """Clients of both servers, until they are told to end."""

    def __init__(self, sites: list[Site]):
        self.ending = threading.Event()
        self.faults: list[BaseException] = []
        jobs = [(self.hands_in, site, number) for site in sites for number in range(STRANGERS)]
        jobs += [(self.submits, site, number) for site in sites for number in range(PROGRAMS)]
        self.threads = [threading.Thread(target=self.until_told, args=job) for job in jobs]
        for thread in self.threads:
            thread.start()

    def until_told(self, job, site: Site, number: int):
        names = (f"{job.__name__}x{site.name}x{number}x{count}" for count in range(1_000_000))
        while not self.ending.is_set():
            try:
                if site.is_up.wait(timeout=1):
                    job(site, names)
            except smtplib.SMTPResponseException as refused:
                self.faults.append(refused)
                return
            except OSError:
                # The server was killed; smtplib's errors are some of these.
                continue
            except BaseException as fault:
                self.faults.append(fault)
                return

    def hands_in(self, site: Site, names):
        with exchange(site.server) as client:
            client.ehlo("client.test")
            for count in range(MESSAGES_OF_ONE):
                self.send(client, site.flood, next(names), STRANGER, site.address, count)
                self.ending.wait(PAUSE_S)

    def submits(self, site: Site, names):
        with submission(site.server, site.name, site.password) as client:
            for count in range(MESSAGES_OF_ONE):
                while count % INTO_OUTAGE == 0 and not site.has_way.wait(timeout=0.1) and not self.ending.is_set():
                    pass
                self.send(client, site.sent, next(names), site.address, site.other.address, count)

    def send(self, client: smtplib.SMTP, told: Told, name: str, sender: str, to: str, count: int):
        """`count`: of the connection's messages so far."""
        if self.ending.is_set():
            return
        body = LARGE if count % LARGE_EVERY == LARGE_EVERY - 1 else "Hello."
        text = message(f"Note {name}", body, sender=sender, to=to, Message_ID=f"<{name}@notes.example>")
        told.ask(name)
        for command in (lambda: client.mail(sender), lambda: client.rcpt(to), lambda: client.data(text)):
            code, reply = command()
            if code != 250:
                raise smtplib.SMTPResponseException(code, reply)
        assert TAKEN.fullmatch(reply), reply
        told.take(name)

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        assert not self.faults, self.faults


def check_flood(site: Site, copies: dict[str, list[float]]):
    assert site.flood.taken <= copies.keys(), "what was told 250 is lost"
    twice = {name: copies[name] for name in site.flood.asked & copies.keys() if len(copies[name]) > 1}
    assert not twice, f"delivered twice: {twice}"


def check_sent(site: Site, copies: dict[str, list[float]], kills: list[Kill]):
    assert site.sent.taken <= copies.keys(), "what was told 250 is lost"
    again, furthest_s = collections.Counter(), 0.0
    for name in sorted(site.sent.asked & copies.keys()):
        for time_s in copies[name][:-1]:
            number = min(range(len(kills)), key=lambda number: kills[number].distance_s(time_s))
            distance_s = kills[number].distance_s(time_s)
            assert distance_s < NEAR_S, f"{name} was not being sent when a server was killed, and came again: {copies[name]}"
            again[number] += 1
            furthest_s = max(furthest_s, distance_s)
    assert all(count <= AT_ONCE for count in again.values()), f"more than were being sent came again: {again}"
    print(
        f"{site.name}: killed {len(site.kills)} times; {len(site.flood.taken)} from outside, {len(site.sent.taken)} sent,"
        f" {again.total()} of them again, taken at most {furthest_s * 1000:.0f} ms from a kill; lost: {dict(site.lost)}"
    )


@pytest.mark.parametrize("loses_power", [False, True], ids=["killed", "without-power"])
def test_what_was_told_250_outlives_kills_of_both(tmp_path, loses_power):
    print(f"CONCIERGE_SEED={SEED}")
    choice = random.Random(SEED)
    places = [tmp_path / "here", tmp_path / "there"]
    with contextlib.ExitStack() as stack:
        disks = [stack.enter_context(LossyDisk(place)) if loses_power else None for place in places]
        give_compiled(*places)
        for disk in filter(None, disks):
            disk.sync()
        here = Site(places[0], disks[0], "ann", ANN, DOMAIN)
        there = Site(places[1], disks[1], "carol", OTHER, OTHER_DOMAIN)
        here.other, there.other = there, here
        for site in (here, there):
            site.start()
            stack.callback(site.stop)
        here.settle()
        there.settle()
        flood = Flood([here, there])
        stack.callback(flood.ending.set)
        victim = here
        for _ in range(ROUNDS):
            # The one that was started last has a way in any case.
            goal = victim.other.from_other() + choice.randrange(30, 100)
            wait_for(lambda: flood.faults or victim.other.from_other() >= goal, 60)
            victim = choice.choice([here, there])
            victim.kill(choice)
            victim.start()
        flood.end()
        # Each forgets in turn that the other could not be reached, which is there now.
        for site in (here, there):
            site.kill(choice)
            site.start()
            wait_for(site.is_idle, IDLE_LIMIT_S)
        wait_for(lambda: here.is_idle() and there.is_idle(), IDLE_LIMIT_S)
        copies = {site.name: site.copies() for site in (here, there)}
    kills = here.kills + there.kills
    for site in (here, there):
        came = site.flood.asked | site.other.sent.asked
        assert copies[site.name].keys() <= came, "something came that nobody sent"
        check_flood(site, copies[site.name])
        check_sent(site, copies[site.other.name], kills)


def test_a_queue_made_beside_old_rules_outlives_a_loss_of_power(tmp_path):
    """A regression. Only the rules' first writing synced the directory that the queue is in. Where there were rules already, in
    a data directory from before there was a queue, a loss of power could take the queue with all that was told 250. Its name
    is synced when it is opened."""
    with LossyDisk(tmp_path / "disk") as disk:
        give_compiled(disk.path)
        with Server("--mail-domain", DOMAIN, data=disk.path) as server:
            password = account(server, "ann", ANN)
        shutil.rmtree(disk.path / "mail-incoming" / "queue")
        disk.sync()
        with Server("--mail-domain", DOMAIN, data=disk.path) as server:
            with exchange(server) as client:
                for number in range(30):
                    client.sendmail(STRANGER, [ANN], message(f"Note {number}"))
            server.process.kill()
            server.process.wait()
        # Of what is not durable, all is lost with this one.
        lost = disk.lose(5)
        assert lost["operations"] > 0
        with Server("--mail-domain", DOMAIN, data=disk.path) as server:
            client = Jmap(server.addresses["web"], "ann", password)
            wait_for(lambda: client.call("Email/query", calculateTotal=True, limit=1)["total"] == 30, 30)
