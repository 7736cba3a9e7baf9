"""The client programs under test: where they are.

A test that needs a program that is not installed is skipped with the reason;
where `CI` is set it fails instead, so that nothing drops out unseen.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

SCRIPTS = pathlib.Path(sys.executable).parent
"""Where pip puts the programs of packages."""
AWS = {"pypi": SCRIPTS / "aws", "debian": pathlib.Path("/usr/bin/aws")}
"""aws-cli: the newest of version 1, from PyPI, and Debian's, of version 2."""


def missing(reason: str):
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI is set")
    pytest.skip(reason)


def need(program: str) -> str:
    """The path of `program`, or a skip (a failure in CI)."""
    path = shutil.which(program)
    if path is None:
        missing(f"{program} is not installed")
    return path


def existing(path: pathlib.Path) -> pathlib.Path:
    """`path`, or a skip (a failure in CI)."""
    if not path.exists():
        missing(f"{path} is not there")
    return path


def aws(name: str) -> pathlib.Path:
    """One of AWS."""
    return existing(AWS[name])


def beside_python(name: str) -> pathlib.Path:
    """A program of a package in this Python's environment."""
    return existing(SCRIPTS / name)


def run(*command, **environment) -> str:
    """What `command` prints; it must succeed. No AWS setting of the caller's
    shell reaches it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**kept, **environment})
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout
