"""The components away from the host: an edge in a process of its own before a running `concierge up`.

`edge`: `concierge edge --host`, whose own client calls the host. `bridge`: the
components are composed with the bridge as `spin up` composes them, and reach
the host by themselves; the edge only runs them.
"""

import os
import pathlib
import signal
import subprocess
import tempfile

from server import STOP_LIMIT_S, Server, binary, wait_ready


class Edge:
    """One running `concierge edge` before `host`; a context manager."""

    def __init__(self, way: str, host: Server):
        if way not in ("edge", "bridge"):
            raise ValueError(f"CONCIERGE_TEST_AWAY is {way}, neither edge nor bridge")
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
        token = self.host.run("token", "create", "edge").stdout.strip()
        url = "http://" + self.host.addresses["internal"]
        command = [
            str(binary()), "edge", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0",
            "--cache", str(self.root / "cache"),
        ]
        # What the caller's shell has set is not part of the test.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCIERGE_")}
        if self.way == "edge":
            command += ["--host", url]
            environment["CONCIERGE_EDGE_TOKEN"] = token
        else:
            # The edge's own way leads nowhere: what is answered came over the bridge.
            command += ["--host", "http://127.0.0.1:1", *self._composed()]
            environment["CONCIERGE_EDGE_TOKEN"] = "none"
            environment["SPIN_VARIABLE_CONCIERGE_URL"] = url
            environment["SPIN_VARIABLE_CONCIERGE_TOKEN"] = token
        with open(self.root / "log", "wb") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, text=True,
            )
        return wait_ready(self.process, self.tail)

    def _composed(self) -> list[str]:
        """Composes the components; gives the flags that say where they are."""
        compose = os.environ.get("CONCIERGE_COMPOSE_BIN") or binary().with_name("compose")
        flags = []
        for name in ("object-router", "hello-objects"):
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
