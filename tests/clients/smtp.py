"""What the tests of SMTP share: sessions by hand and by smtplib, and a second server to send to."""

import contextlib
import random
import smtplib
import socket
import ssl

from mail import ANN, BOB, account
from server import Server

OTHER = "carol@other.example"
DOMAIN, OTHER_DOMAIN = "example.org", "other.example"
PORTS_FROM = 10_240
"""Below are ports that have names."""
taken: set[int] = set()
"""Ports that were chosen here."""


def host_port(address: str) -> tuple[str, int]:
    host, port = address.rsplit(":", 1)
    return host, int(port)


def unchecked() -> ssl.SSLContext:
    """TLS with a server whose certificate it signed itself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def exchange(server: Server) -> smtplib.SMTP:
    """A session as another server has it."""
    return smtplib.SMTP(*host_port(server.addresses["smtp"]), timeout=60)


def submission(server: Server, name: str, password: str) -> smtplib.SMTP:
    """A session of someone who has mail here."""
    client = smtplib.SMTP(*host_port(server.addresses["submission"]), timeout=60)
    client.starttls(context=unchecked())
    client.login(name, password)
    return client


class Line:
    """A session by hand: what is sent is what is meant."""

    def __init__(self, address: str):
        self.socket = socket.create_connection(host_port(address), timeout=60)
        self.file = self.socket.makefile("rb")
        assert self.reply()[0] == 220

    def reply(self) -> tuple[int, str]:
        """The next reply; (0, "") where the connection ended."""
        text = []
        while line := self.file.readline():
            text.append(line[4:].decode().strip())
            if line[3:4] == b" ":
                return int(line[:3]), "\n".join(text)
        return 0, "\n".join(text)

    def send(self, data: bytes):
        self.socket.sendall(data)

    def say(self, command: str) -> tuple[int, str]:
        self.send(command.encode() + b"\r\n")
        return self.reply()

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Pair:
    """Two servers that send to each other without DNS: ours with ann and bob, another with carol."""

    def __enter__(self) -> "Pair":
        self.servers = []
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        # The other one is there first to be routed to; what it sends to us goes to a port that is chosen for it.
        ours = free_port()
        self.there = Server(
            "--mail-domain", OTHER_DOMAIN, "--mail-route", f"{DOMAIN}=127.0.0.1:{ours}",
            "--mail-host-name", "mx.other.example",
        ).__enter__()
        self.servers.append(self.there)
        port = host_port(self.there.addresses["smtp"])[1]
        self.here = Server(
            "--mail-domain", DOMAIN, "--mail-route", f"{OTHER_DOMAIN}=127.0.0.1:{port}",
            "--mail-host-name", "mx.example.org", "--smtp", f"127.0.0.1:{ours}",
        ).__enter__()
        self.servers.append(self.here)
        self.ann = account(self.here, "ann", ANN)
        self.bob = account(self.here, "bob", BOB)
        self.carol = account(self.there, "carol", OTHER)

    def __exit__(self, *_):
        for server in self.servers:
            server.__exit__()


def free_port() -> int:
    """A port that was free, for who must be known before it is there. The system gives it to nobody who asks for any."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first_given = int(file.read().split()[0])
    while True:
        port = random.randrange(PORTS_FROM, max(first_given, 2 * PORTS_FROM))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in taken:
                taken.add(port)
                return port
