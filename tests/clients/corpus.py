"""The corpus of 3,000 real messages, which the repository does not have: `$CONCIERGE_TEST_DATA`, else `../shared/data`."""

import os
import pathlib
import re
import tarfile

import pytest

from server import ROOT

ARCHIVE = "mail-corpus.tar.gz"


def messages() -> list[bytes]:
    """All messages with CRLF, as they are kept; skips where they are missing, which in CI is a failure."""
    directory = pathlib.Path(os.environ.get("CONCIERGE_TEST_DATA") or ROOT.parent / "shared" / "data")
    archive = directory / ARCHIVE
    if not archive.is_file():
        assert not os.environ.get("CI"), f"{archive} is not there"
        pytest.skip(f"{archive} is not there")
    with tarfile.open(archive) as tar:
        # In the archive's own order: going back in it means to decompress it again.
        return [with_crlf(tar.extractfile(member).read()) for member in tar if member.isfile()]


def with_crlf(message: bytes) -> bytes:
    """Each line feed alone becomes CRLF, as an import makes it."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", message)
