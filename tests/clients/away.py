"""The components away from the host: an edge in a process of its own before a running `concierge up`.

`edge`: `concierge edge --host`, whose own client calls the host. `bridge`: the
components are composed with the bridge as `spin up` composes them, and reach
the host by themselves; the edge only runs them. `spin`: `spin up` itself, the
program `$CONCIERGE_SPIN_BIN`, with the repository's manifest and what
`spin build` made of it.
"""

import os
import pathlib
import signal
import subprocess
import tempfile

from server import ROOT, STOP_LIMIT_S, Server, binary, wait_line, wait_ready


def away(way: str, host: Server) -> "Edge":
    """What runs the components before `host`; a context manager."""
    if way not in ("edge", "bridge", "spin"):
        raise ValueError(f"CONCIERGE_TEST_AWAY is {way}, none of edge, bridge and spin")
    return Spin(way, host) if way == "spin" else Edge(way, host)


class Edge:
    """One running `concierge edge` before `host`; a context manager."""

    def __init__(self, way: str, host: Server):
        self.way = way
        self.host = host
        self.directory = tempfile.TemporaryDirectory(prefix="concierge-away-")
        self.root = pathlib.Path(self.directory.name)
        self.addresses: dict[str, str] = {}
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "Edge":
        try:
            self.addresses = self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _start(self) -> dict[str, str]:
        command = [
            str(binary()), "edge", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0",
            "--cache", str(self.root / "cache"),
        ]
        if self.way == "edge":
            command += ["--host", self._url()]
            self._run(command, {"CONCIERGE_EDGE_TOKEN": self._token()})
        else:
            # The edge's own way leads nowhere: what is answered came over the bridge.
            command += ["--host", "http://127.0.0.1:1", *self._composed()]
            self._run(command, {"CONCIERGE_EDGE_TOKEN": "none", **self._variables()})
        return wait_ready(self.process, self.tail)

    def _url(self) -> str:
        return "http://" + self.host.addresses["internal"]

    def _token(self) -> str:
        return self.host.run("token", "create", "edge").stdout.strip()

    def _variables(self) -> dict[str, str]:
        """What the bridge wants to know."""
        return {
            "SPIN_VARIABLE_CONCIERGE_URL": self._url(),
            "SPIN_VARIABLE_CONCIERGE_TOKEN": self._token(),
        }

    def _run(self, command: list[str], more: dict[str, str]):
        # What the caller's shell has set is not part of the test.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCIERGE_")}
        with open(self.root / "log", "wb") as log:
            self.process = subprocess.Popen(
                command, env=environment | more, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, text=True,
            )

    def _composed(self) -> list[str]:
        """Composes the components; gives the flags that say where they are."""
        compose = os.environ.get("CONCIERGE_COMPOSE_BIN") or binary().with_name("compose")
        flags = []
        for name in ("booking", "mail-api", "object-router", "hello-objects"):
            file = self.root / f"{name}.wasm"
            subprocess.run([str(compose), name, str(file)], check=True, stdin=subprocess.DEVNULL)
            flags += ["--component", f"{name}={file}"]
        return flags

    def stop(self):
        """Asks with SIGTERM, kills after the server's limit."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.directory.cleanup()

    def tail(self, lines: int = 60) -> str:
        """The end of its log, for failures."""
        log = self.root / "log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


class Spin(Edge):
    """A running `spin up`; `flags` and `environment` are Spin's own."""

    def __init__(self, way: str, host: Server, flags=(), environment=None):
        super().__init__(way, host)
        self.flags = list(flags)
        self.environment = dict(environment or {})

    def _start(self) -> dict[str, str]:
        command = [
            os.environ["CONCIERGE_SPIN_BIN"], "up", "--listen", "127.0.0.1:0",
            "--from", str(ROOT / "spin.toml"), "--state-dir", str(self.root / "state"), *self.flags,
        ]
        self._run(command, self._variables() | self.environment)
        serving = wait_line(self.process, "Serving http://", self.tail)
        return {"s3": serving.strip().removeprefix("Serving http://")}
