"""Checksums in trailers: what boto3 and aws-cli send by default over TLS.

Over plain HTTP they put the checksum into a header, so these tests start a
server with a certificate made on the spot.
"""

import os
import subprocess

import pytest

from conftest import make_client, ours_only, unique
from digests import ALGORITHMS, encoded, member
from programs import need
from server import ACCESS_KEY, REGION, SECRET_KEY, Server

MIB = 1 << 20


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
         "-keyout", key, "-out", cert],
        check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def secure(certificate):
    ours_only()
    cert, key = certificate
    with Server("--tls-cert", str(cert), "--tls-key", str(key)) as running:
        yield "https://" + running.addresses["s3"]


@pytest.fixture(scope="module")
def client(secure, certificate):
    return make_client(secure, verify=str(certificate[0]))


@pytest.fixture(scope="module")
def home(client):
    name = unique("tls")
    client.create_bucket(Bucket=name)
    return name


class Seen:
    """Keeps the headers of the last request that went out."""

    def __init__(self, client):
        client.meta.events.register("before-send.s3", self)

    def __call__(self, request, **_):
        self.headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("size", [0, 1, 65_537, 9 * MIB])
def test_trailer(secure, certificate, home, algorithm, size):
    client = make_client(secure, verify=str(certificate[0]))
    seen = Seen(client)
    body = os.urandom(size)
    put = client.put_object(Bucket=home, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    # Otherwise this test tests something else.
    assert seen.headers["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert seen.headers["x-amz-trailer"] == f"x-amz-checksum-{algorithm.lower()}"
    assert put[member(algorithm)] == encoded(algorithm, body)
    got = client.get_object(Bucket=home, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    assert got[member(algorithm)] == encoded(algorithm, body)
    assert "ContentEncoding" not in got


def test_content_encoding_is_kept_without_aws_chunked(client, home):
    client.put_object(Bucket=home, Key="z", Body=b"x", ContentEncoding="gzip")
    assert client.head_object(Bucket=home, Key="z")["ContentEncoding"] == "gzip"


def test_parts_with_trailers(client, home):
    bodies = [os.urandom(5 * MIB), os.urandom(MIB)]
    upload = client.create_multipart_upload(Bucket=home, Key="m", ChecksumAlgorithm="CRC32C")["UploadId"]
    parts = []
    for number, body in enumerate(bodies, 1):
        answer = client.upload_part(Bucket=home, Key="m", UploadId=upload, PartNumber=number, Body=body,
                                    ChecksumAlgorithm="CRC32C")
        parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32C": answer["ChecksumCRC32C"]})
    client.complete_multipart_upload(Bucket=home, Key="m", UploadId=upload, MultipartUpload={"Parts": parts})
    assert client.get_object(Bucket=home, Key="m")["Body"].read() == b"".join(bodies)


def test_aws_cli_over_tls(secure, certificate, home, tmp_path):
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(12 * MIB))
    environment = {
        **os.environ, "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION, "AWS_CA_BUNDLE": str(certificate[0]), "AWS_ENDPOINT_URL": secure,
    }
    for pair in ((source, f"s3://{home}/cli"), (f"s3://{home}/cli", back)):
        subprocess.run([need("aws"), "s3", "cp", "--no-progress", *map(str, pair)], env=environment, check=True)
    assert back.read_bytes() == source.read_bytes()
