"""README.md's transcript, run as it is printed.

Every line of a `console` block that begins with `$ ` goes to one shell, and what
it prints must be what the README prints below it. Four things differ from a
reader's terminal: `cargo run --release` is the binary under test, ports are free
ones (those of its `ready` line must be the defaults that `concierge config`
prints; another server's are those of the line that a section prints), and the
dates in listings are today's and the ids of accounts new. What the shell has
started must have ended with it.
"""

import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest

import programs
from conftest import ours_only
from server import ROOT, Server, binary
from smtp import free_port, host_port

START = "cargo run --release"
"""What begins like this starts the server, with the settings behind ` -- `."""
READY = "ready "
LIMIT_S = 300
"""For all commands of a section."""
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
ACCOUNT_ID = re.compile(r"\b[0-9a-f]{32}\b")
END_OF_OUTPUT = "--- end of output ---"
"""Printed by the shell after each command, to tell their outputs apart."""


def section(title: str) -> str:
    """The README's text under a heading of the second level."""
    text = (ROOT / "README.md").read_text()
    return re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL).group(1)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def steps(block: str) -> list[tuple[str, str]]:
    """Commands of a block, each with what is printed below it."""
    pairs = re.split(r"^\$ ", block, flags=re.MULTILINE)
    assert pairs[0] == "", f"output without a command: {pairs[0]!r}"
    return [tuple(pair.split("\n", 1)) for pair in pairs[1:]]


def addresses(line: str) -> dict[str, str]:
    """Names and addresses of a `ready` line."""
    assert line.startswith(READY), line
    return dict(word.split("=", 1) for word in line.split()[1:])


def ready_line() -> dict[str, str]:
    """Names and addresses of the line that the README promises."""
    lines = [line for block in blocks(section("Try it"), "text") for line in block.splitlines()]
    (ready,) = [line for line in lines if line.startswith(READY)]
    return addresses(ready)


def port_of(address: str) -> str:
    return str(host_port(address)[1])


class Ports:
    """Printed ports and those that stand for them."""

    def __init__(self):
        self.real: dict[str, str] = {}

    def add(self, printed: dict[str, str], real: dict[str, str]):
        """Those of a server, by its addresses."""
        assert printed.keys() == real.keys()
        for name, address in printed.items():
            assert port_of(address) not in self.real, f"two servers at {address}"
            self.real[port_of(address)] = port_of(real[name])

    def moved(self, text: str) -> str:
        """A text with the real ports."""
        return re.sub(r"\b\d{4}\b", lambda port: self.real.get(port[0], port[0]), text)


@pytest.fixture(params=["pypi", "debian"])
def path(request, tmp_path):
    """A search path where `aws` is the one of the name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "aws").symlink_to(programs.aws(request.param))
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def steady(output: str) -> str:
    """An output without what is another at each run."""
    return ACCOUNT_ID.sub("ID", DATE.sub("DATE", output))


def shell(commands: list[str], folder: pathlib.Path, environment: dict[str, str]) -> list[str]:
    """Runs all commands in one shell in `folder`, and waits for what it has started; gives what each printed, errors too."""
    marked = [f"{command}\necho '{END_OF_OUTPUT}'" for command in commands]
    lines = ["trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", *marked, "wait"]
    script = folder.parent / "script"
    script.write_text("".join(f"{line}\n" for line in lines))
    with subprocess.Popen(
        [programs.need("bash"), "-e", str(script)], cwd=folder, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:
        try:
            printed, _ = process.communicate(timeout=LIMIT_S)
        except BaseException:
            process.terminate()
            raise
    assert process.returncode == 0, printed
    *outputs, rest = printed.split(f"{END_OF_OUTPUT}\n")
    assert rest == "" and len(outputs) == len(commands), printed
    return outputs


def run(title: str, home: pathlib.Path, path: str):
    """Runs the commands of a section, and of the one that starts the server before it, in a clone's place."""
    ours_only()
    start = steps(blocks(section("Try it"), "console")[0])
    assert start == [(START, "")], "the transcript begins with the start of the server"
    written = [step for block in blocks(section(title), "console") for step in steps(block)]
    starts = [START] + [command for command, _ in written if command.startswith(f"{START} -- ")]
    written = [step for step in written if not step[0].startswith(START)]
    ports = Ports()
    for _, expected in written:
        if expected.startswith(READY):
            others = addresses(expected)
            ports.add(others, {name: f"127.0.0.1:{free_port()}" for name in others})
    built = home / "target" / "release" / "concierge"
    built.parent.mkdir(parents=True)
    built.symlink_to(binary().resolve())
    (home / "examples").symlink_to(ROOT / "examples")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CONCIERGE_"))}
    environment |= {"PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true"}
    settings = [shlex.split(ports.moved(start.removeprefix(START).removeprefix(" -- "))) for start in starts]
    for earlier in settings[:-1]:
        with Server(*earlier, data=home / "data", known_key=False):
            pass
    with Server(*settings[-1], data=home / "data", known_key=False) as server:
        ports.add(ready_line(), server.addresses)
        printed = shell([ports.moved(command) for command, _ in written], home, environment)
    for (command, expected), output in zip(written, printed):
        assert steady(output) == steady(ports.moved(expected)), command


def test_transcript(path, tmp_path):
    run("Try it", tmp_path / "clone", path)


def test_booking_transcript(tmp_path):
    programs.need("jq")
    run("Book a room", tmp_path / "clone", os.environ["PATH"])


def test_mail_transcript(tmp_path):
    programs.need("jq")
    run("Read mail", tmp_path / "clone", os.environ["PATH"])


def test_sending_transcript(tmp_path):
    programs.need("jq")
    programs.need("swaks")
    run("Send mail", tmp_path / "clone", os.environ["PATH"])


def test_the_printed_addresses_are_the_defaults(tmp_path):
    ours_only()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCIERGE_")}
    done = subprocess.run([str(binary()), "config", "--json"], cwd=tmp_path, env=environment,
                          capture_output=True, text=True, check=True)
    settings = json.loads(done.stdout)
    for name, address in ready_line().items():
        assert settings[name]["value"] == address, name
    assert pathlib.Path(settings["data"]["value"]) == pathlib.Path("data")
