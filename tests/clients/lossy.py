"""A disk that loses what was not synced: `tests/lossy-disk`, mounted.

The binary is `$CONCIERGE_LOSSY_DISK`, else the dev build in `$CARGO_TARGET_DIR` or `target/`.
"""

import os
import pathlib
import random
import subprocess

from programs import missing
from server import ROOT

LOSSES = 0.75
"""Of all kills. The others leave what was written, so that the next start may rely on what is not durable yet."""


def binary() -> pathlib.Path:
    """The program; fails with a sentence when there is none."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    found = pathlib.Path(os.environ.get("CONCIERGE_LOSSY_DISK") or target / "debug" / "lossy-disk")
    if not found.is_file():
        raise FileNotFoundError(
            f"{found} is not there: run `cargo build -p concierge-lossy-disk` or set CONCIERGE_LOSSY_DISK"
        )
    return found


class LossyDisk:
    """A disk mounted on a directory that it makes; a context manager. Skips where it may not be mounted, but not in CI."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def __enter__(self) -> "LossyDisk":
        self.path.mkdir()
        self.process = subprocess.Popen(
            [str(binary()), str(self.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        if self.process.stdout.readline() != "ready\n":
            _, reason = self.process.communicate()
            missing(reason.strip())
        return self

    def sync(self):
        """Makes everything durable."""
        assert self._say("sync") == "synced"

    def after_kill(self, choice: random.Random) -> dict[str, int]:
        """Loses power or not, after who uses it was killed; gives what was lost."""
        return self.lose(choice.randrange(2**32)) if choice.random() < LOSSES else {}

    def lose(self, seed: int) -> dict[str, int]:
        """Loses power, after who uses it was killed; gives what was lost."""
        word, *counts = self._say(f"lose {seed}").split()
        assert word == "lost"
        return {name: int(count) for name, count in (pair.split("=") for pair in counts)}

    def _say(self, command: str) -> str:
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer, self.process.communicate()[1]
        return answer

    def __exit__(self, *_):
        # It unmounts when nobody speaks to it any more.
        self.process.communicate()
