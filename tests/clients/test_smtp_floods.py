"""Clients that want much of SMTP's listeners, and cost others nothing: each is told so or ended, and memory stays bounded."""

import concurrent.futures
import contextlib
import pathlib
import re
import resource
import select
import socket
import threading
import time

import pytest

import programs
from mail import ANN, account, message, wait_for
from server import Server
from smtp import DOMAIN, Line, exchange, host_port

STRANGER = "stranger@elsewhere.example"
MANY = 100_000
GROWTH_MAX_KIB = 96 << 10
"""What memory may grow by in a flood: far less than what is sent, with what allocators keep."""
UNREAD_MAX_BYTES = 32 << 20
"""Of commands whose replies nobody reads: what the sockets of both sides buffer, and more."""
STUCK_S = 2
"""After so long without room the other side reads no more."""
# As the program has them.
RECIPIENTS_MAX, ERRORS_MAX, MESSAGE_MAX_BYTES, OVERLONG_MAX_BYTES = 1_000, 20, 50 << 20, 1 << 20
CONNECTIONS_MAX, OF_ADDRESS_MAX = 10_000, 100


@pytest.fixture(scope="module")
def running():
    with Server("--mail-domain", DOMAIN) as server:
        account(server, "ann", ANN)
        # What the first session needs is not the flood's.
        with exchange(server) as client:
            client.sendmail(STRANGER, [ANN], message("First", sender=STRANGER))
        yield server


@pytest.fixture(autouse=True)
def bounded(running):
    """Each flood leaves a server that is not much larger, and takes mail."""
    before = memory_kib(running, "VmRSS")
    pathlib.Path(f"/proc/{running.process.pid}/clear_refs").write_text("5")
    yield
    grown = memory_kib(running, "VmHWM") - before
    print(f"{grown} KiB more at most")
    assert grown < GROWTH_MAX_KIB
    with exchange(running) as client:
        client.sendmail(STRANGER, [ANN], message("After the flood", sender=STRANGER))


def memory_kib(server: Server, field: str) -> int:
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)[1])


def begun(server: Server, *commands: str) -> Line:
    """A session by hand, after commands that are obeyed."""
    line = Line(server.addresses["smtp"])
    for command in ("EHLO x", *commands):
        assert line.say(command)[0] == 250
    return line


class Sender(threading.Thread):
    """Sends beside the thread that reads; the other side may end it."""

    def __init__(self, line: Line, pieces):
        super().__init__()
        self.line, self.pieces, self.sent_bytes = line, pieces, 0
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            for piece in self.pieces:
                self.line.send(piece)
                self.sent_bytes += len(piece)


def replies_until_end(line: Line) -> list[int]:
    """Codes of replies until the connection ends."""
    codes = []
    with contextlib.suppress(ConnectionError):
        while code := line.reply()[0]:
            codes.append(code)
    return codes


def chunks(commands) -> list[bytes]:
    """Commands, a thousand in a piece."""
    lines = [command.encode() + b"\r\n" for command in commands]
    return [b"".join(lines[start : start + 1_000]) for start in range(0, len(lines), 1_000)]


def test_a_hundred_thousand_recipients_are_put_off(running):
    with begun(running, f"MAIL FROM:<{STRANGER}>") as line:
        sender = Sender(line, chunks(f"RCPT TO:<ann+{number}@example.org>" for number in range(MANY)))
        replies = [line.reply() for _ in range(MANY)]
        sender.join()
        assert {reply for reply in replies[:RECIPIENTS_MAX]} == {(250, "2.1.5 taken")}
        assert {reply for reply in replies[RECIPIENTS_MAX:]} == {(452, "4.5.3 so many recipients are enough for one message")}
        assert line.say("RSET")[0] == 250, "the session goes on"


def test_a_hundred_thousand_recipients_that_nobody_has_end_the_session(running):
    with begun(running, f"MAIL FROM:<{STRANGER}>") as line:
        sender = Sender(line, chunks(f"RCPT TO:<nobody{number}@example.org>" for number in range(MANY)))
        assert replies_until_end(line) == [550] * (ERRORS_MAX + 1) + [421]
        sender.join()


def test_a_hundred_thousand_commands_are_obeyed_beside_others(running):
    with begun(running) as line:
        sender = Sender(line, chunks(["NOOP"] * MANY))
        with exchange(running) as other:
            assert other.sendmail(STRANGER, [ANN], message("Beside it", sender=STRANGER)) == {}
        assert {line.reply()[0] for _ in range(MANY)} == {250}
        sender.join()


def test_commands_that_are_none_end_the_session(running):
    with begun(running) as line:
        sender = Sender(line, chunks(["XYZZY"] * MANY))
        assert replies_until_end(line) == [500] * (ERRORS_MAX + 1) + [421]
        sender.join()


def test_of_who_does_not_read_nothing_more_is_read(running):
    with begun(running) as line:
        line.socket.setblocking(False)
        piece, sent_bytes = b"NOOP\r\n" * 1_000, 0
        while select.select([], [line.socket], [], STUCK_S)[1]:
            sent_bytes += line.socket.send(piece)
            assert sent_bytes < UNREAD_MAX_BYTES, "replies pile up"
        print(f"{sent_bytes} octets were taken")


@pytest.mark.parametrize("before", [[], ["MAIL FROM:<stranger@elsewhere.example>", f"RCPT TO:<{ANN}>"]], ids=["hello", "message"])
def test_a_line_without_end_ends_the_session(running, before):
    with begun(running, *before) as line:
        sender = Sender(line, [b"x" * (64 << 10)] * 1_000)
        # The reply may be lost with the connection: octets that nobody read reset it.
        assert replies_until_end(line) in ([421], [])
        sender.join()
        print(f"{sender.sent_bytes} octets were taken")
        assert sender.sent_bytes < 16 * OVERLONG_MAX_BYTES, "buffers of sockets are all that it took beyond the bound"


@pytest.mark.parametrize("piece", [b"x" * (64 << 10), b"x\r\n" * 20_000], ids=["a line", "lines"])
def test_a_message_without_end_ends_the_session(running, piece):
    with begun(running, f"MAIL FROM:<{STRANGER}>", f"RCPT TO:<{ANN}>") as line:
        assert line.say("DATA")[0] == 354
        sender = Sender(line, [piece] * (4 * MESSAGE_MAX_BYTES // len(piece)))
        codes = replies_until_end(line)
        sender.join()
        assert codes in ([552, 421], [552], [])
        print(f"{sender.sent_bytes} octets were taken")
        assert sender.sent_bytes < 3 * MESSAGE_MAX_BYTES


def test_many_say_goodbye(running):
    def once(_):
        with Line(running.addresses["smtp"]) as line:
            return line.say("QUIT")[0], line.reply()[0]

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        assert set(pool.map(once, range(5_000))) == {(221, 0)}


def connect(server: Server, source: str) -> socket.socket:
    return socket.create_connection(host_port(server.addresses["smtp"]), timeout=60, source_address=(source, 0))


def greeting(connection: socket.socket) -> bytes:
    """The code of what is said first."""
    return connection.recv(100)[:3]


def wait_until_let_in(server: Server, source: str):
    def is_let_in():
        with connect(server, source) as connection:
            return greeting(connection) == b"220"

    wait_for(is_let_in)


def test_one_address_has_so_many_connections(running):
    with contextlib.ExitStack() as stack:

        def come(source: str) -> bytes:
            return greeting(stack.enter_context(connect(running, source)))

        codes = [come("127.0.0.2") for _ in range(OF_ADDRESS_MAX + 50)]
        assert codes == [b"220"] * OF_ADDRESS_MAX + [b"421"] * 50
        assert come("127.0.0.3") == b"220", "another address has its own"
    wait_until_let_in(running, "127.0.0.2")


def test_thousands_that_are_idle(running):
    """So many as there may be at all; beyond them nobody is let in until one goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = CONNECTIONS_MAX + 1_000
    if hard != resource.RLIM_INFINITY and hard < needed:
        programs.missing(f"so many open files are not allowed: {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    began = time.monotonic()
    idle = []
    try:
        for number in range(CONNECTIONS_MAX + 100):
            idle.append(connect(running, f"127.0.1.{1 + number // OF_ADDRESS_MAX}"))
        codes = [greeting(connection) for connection in idle]
        assert codes == [b"220"] * CONNECTIONS_MAX + [b"421"] * 100
        print(f"{time.monotonic() - began:.1f} s until all were greeted or refused")
        idle.pop(0).close()
        wait_until_let_in(running, "127.0.2.1")
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until_let_in(running, "127.0.0.1")
