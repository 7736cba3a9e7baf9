"""curl: a client without an SDK."""

import hashlib
import os
import subprocess

import pytest

from programs import need
from server import ACCESS_KEY, REGION, SECRET_KEY


@pytest.fixture
def curl():
    program = need("curl")

    def run(*arguments, **named):
        return subprocess.run(
            [program, "-sS", "--max-time", "60", "--aws-sigv4", f"aws:amz:{REGION}:s3",
             "--user", f"{ACCESS_KEY}:{SECRET_KEY}", *arguments], capture_output=True, check=True, **named).stdout

    return run


def digest(body):
    # Older curls do not send this header by themselves.
    return "x-amz-content-sha256: " + hashlib.sha256(body).hexdigest()


def test_put_get_delete(curl, server, bucket, tmp_path):
    body = os.urandom(200_000)
    (tmp_path / "body").write_bytes(body)
    url = f"{server.s3}/{bucket}/folder/file.bin"
    curl("-H", digest(body), "--upload-file", str(tmp_path / "body"), "--fail", url)
    assert curl("-H", digest(b""), url) == body
    assert curl("-H", digest(b""), "-r", "10-19", url) == body[10:20]
    headers = curl("-H", digest(b""), "-I", url).decode()
    assert headers.startswith("HTTP/1.1 200") and f"content-length: {len(body)}" in headers.lower()
    assert "x-amz-request-id" in headers.lower()
    curl("-H", digest(b""), "-X", "DELETE", "--fail", url)
    assert b"<Code>NoSuchKey</Code>" in curl("-H", digest(b""), url)


def test_expect_continue(curl, server, bucket, tmp_path):
    body = os.urandom(3_000_000)
    (tmp_path / "body").write_bytes(body)
    url = f"{server.s3}/{bucket}/waited"
    trace = subprocess.run(
        [need("curl"), "-sSv", "--max-time", "60", "--aws-sigv4", f"aws:amz:{REGION}:s3", "--user",
         f"{ACCESS_KEY}:{SECRET_KEY}", "-H", digest(body), "-H", "Expect: 100-continue",
         "--upload-file", str(tmp_path / "body"), url], capture_output=True, check=True).stderr.decode()
    assert "100 Continue" in trace
    assert curl("-H", digest(b""), url) == body


def test_listing_and_http2(curl, server, bucket):
    listing = curl("-H", digest(b""), "--http2-prior-knowledge", f"{server.s3}/{bucket}/")
    assert b"<ListBucketResult" in listing and bucket.encode() in listing


def test_virtual_host(curl, server, bucket):
    address = server.s3.removeprefix("http://")
    answer = curl("-H", digest(b""), "--connect-to", f"{bucket}.localhost::{address}", f"http://{bucket}.localhost:{address.split(':')[1]}/")
    assert b"<ListBucketResult" in answer
