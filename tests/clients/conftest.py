"""What every client test shares: the server, a boto3 client, a bucket."""

import os
import re
import socket
import uuid

import boto3
import botocore.config
import pytest

from away import away
from server import ACCESS_KEY, REGION, SECRET_KEY, Foreign, Server

AWAY = os.environ.get("CONCIERGE_TEST_AWAY")
"""`edge`, `bridge` or `spin`: the components run in another process than the host (see away.py)."""
FOREIGN = os.environ.get("CONCIERGE_TEST_ENDPOINT")

collect_ignore = [] if AWAY == "spin" else ["test_spin.py"]


def ours_only():
    """Skips what another server need not do."""
    if FOREIGN:
        pytest.skip("runs against our own program alone")


@pytest.fixture(scope="session")
def server():
    with Foreign(FOREIGN) if FOREIGN else Server() as running:
        if not AWAY:
            yield running
            return
        with away(AWAY, running) as edge:
            running.addresses.update(edge.addresses)
            running.edge = edge
            yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and "server" in getattr(item, "fixturenames", ()):
        running = item.funcargs.get("server")
        if running is not None:
            report.sections.append(("server log", running.tail()))
            if edge := getattr(running, "edge", None):
                report.sections.append(("edge log", edge.tail()))
    return report


def make_client(endpoint: str, access_key=ACCESS_KEY, secret_key=SECRET_KEY, verify=None, **config):
    """A boto3 client; `config` goes to botocore. No retries: errors are the subject."""
    settings = {
        "retries": {"total_max_attempts": 1},
        "s3": {"addressing_style": "path"},
        "read_timeout": 120,
        **config,
    }
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, verify=verify,
        aws_access_key_id=access_key, aws_secret_access_key=secret_key,
        config=botocore.config.Config(**settings),
    )


@pytest.fixture(scope="session")
def s3(server):
    return make_client(server.s3)


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def empty_and_delete(client, bucket: str):
    """Removes a bucket with everything in it, all versions and uploads."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
        if entries:
            client.delete_objects(Bucket=bucket, Delete={"Objects": [
                {"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries
            ]})
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            client.abort_multipart_upload(
                Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    client.delete_bucket(Bucket=bucket)


@pytest.fixture
def bucket(s3, request):
    name = unique(re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-"))
    s3.create_bucket(Bucket=name)
    yield name
    empty_and_delete(s3, name)


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def localhost_names(monkeypatch):
    """Lets this process resolve *.localhost (RFC 6761 §6.3), which not every
    resolver does."""
    real = socket.getaddrinfo

    def resolve(host, *rest, **named):
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and name.endswith(".localhost"):
            name = "127.0.0.1"
        return real(name, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
