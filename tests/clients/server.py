"""Starts the real program for client tests, and stops it whatever happens.

`Server` runs `concierge up` in a temporary data directory with port 0 on every
listener, waits for its `ready` line (never for a fixed time), and gives the
addresses that were really bound. The binary is `$CONCIERGE_BIN`, else the dev
build in `$CARGO_TARGET_DIR` or `target/`.
"""

import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCESS_KEY = "CLIENTTESTSKEY000001"
SECRET_KEY = "clienttests/secret+key/0123456789abcdefg"
REGION = "us-east-1"
LISTENERS = ["--web", "--s3", "--internal", "--smtp", "--submission", "--submissions"]
START_LIMIT_S = 120
"""A first start compiles the components; on a loaded machine that takes long."""
STOP_LIMIT_S = 30


def binary() -> pathlib.Path:
    """The program under test; fails with a sentence when there is none."""
    named = os.environ.get("CONCIERGE_BIN")
    if named:
        return pathlib.Path(named)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    found = target / "debug" / "concierge"
    if not found.is_file():
        raise FileNotFoundError(
            f"{found} is not there: run `cargo build -p concierge` or set CONCIERGE_BIN"
        )
    return found


def wait_ready(process: subprocess.Popen, tail) -> dict[str, str]:
    """The addresses of the `ready` line; `tail` gives the end of the log for a failure."""
    words = wait_line(process, "ready ", tail).split()
    return dict(word.split("=", 1) for word in words[1:])


def wait_line(process: subprocess.Popen, start: str, tail) -> str:
    """The first line of the standard output that begins with `start`."""
    lines: queue.Queue[str | None] = queue.Queue()

    def pump():
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=pump, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=START_LIMIT_S)
        except queue.Empty:
            raise RuntimeError(f"not ready in {START_LIMIT_S} s:\n{tail()}") from None
        if line is None:
            raise RuntimeError(f"ended before it was ready:\n{tail()}")
        if line.startswith(start):
            return line


def give_compiled(*places: pathlib.Path):
    """Has data directories, made where they are not there, whose first start finds the components compiled: that takes longer
    than all the rest of it, which is left to do."""
    with Server() as first:
        for place in places:
            place.mkdir(exist_ok=True)
            shutil.copy(first.data / "layout", place)
            shutil.copytree(first.data / "cache", place / "cache")


class Server:
    """One running `concierge up`; a context manager."""

    def __init__(self, *arguments: str, data: pathlib.Path | None = None, known_key: bool = True):
        """`known_key` gives the first start ACCESS_KEY; else it makes one of its own."""
        self.arguments = list(arguments)
        self.known_key = known_key
        self.temporary = None if data else tempfile.mkdtemp(prefix="concierge-clients-")
        self.data = data or pathlib.Path(self.temporary) / "data"
        self.addresses: dict[str, str] = {}
        self.process: subprocess.Popen | None = None
        self.log = tempfile.NamedTemporaryFile(prefix="concierge-log-", delete=False)

    def __enter__(self) -> "Server":
        # What the caller's shell has set is not part of the test.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCIERGE_")}
        if self.known_key:
            environment |= {"CONCIERGE_ACCESS_KEY_ID": ACCESS_KEY, "CONCIERGE_SECRET_ACCESS_KEY": SECRET_KEY}
        command = [
            str(binary()), "up", "--data", str(self.data),
            *(part for name in LISTENERS if name not in self.arguments for part in (name, "127.0.0.1:0")),
            *self.arguments,
        ]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.log, text=True,
        )
        try:
            self.addresses = wait_ready(self.process, self.tail)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> int | None:
        """Asks with SIGTERM, kills after STOP_LIMIT_S; gives the exit code."""
        code = None
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.temporary:
            shutil.rmtree(self.temporary, ignore_errors=True)
        self.log.close()
        return code

    def __exit__(self, *_):
        self.stop()
        pathlib.Path(self.log.name).unlink(missing_ok=True)

    def tail(self, lines: int = 60) -> str:
        """The end of the program's log, for failures."""
        text = pathlib.Path(self.log.name).read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    @property
    def s3(self) -> str:
        return "http://" + self.addresses["s3"]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Runs a command of the program (`account`, `key`…) against this server."""
        return subprocess.run(
            [str(binary()), *arguments, "--data", str(self.data)],
            capture_output=True, text=True, check=check, stdin=subprocess.DEVNULL,
        )


class Foreign:
    """Another S3 server, named by `$CONCIERGE_TEST_ENDPOINT`: to check the tests."""

    def __init__(self, url: str):
        self.s3 = url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def tail(self) -> str:
        return ""
