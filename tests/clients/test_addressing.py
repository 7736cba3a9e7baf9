"""Virtual-host style: the bucket in the host's name."""

import urllib.parse

from conftest import make_client
from errors import refused


def test_virtual_host_style(server, s3, bucket, localhost_names):
    port = urllib.parse.urlsplit(server.s3).port
    client = make_client(f"http://localhost:{port}", s3={"addressing_style": "virtual"})
    client.put_object(Bucket=bucket, Key="a/ü b", Body=b"by name")
    assert client.get_object(Bucket=bucket, Key="a/ü b")["Body"].read() == b"by name"
    assert s3.get_object(Bucket=bucket, Key="a/ü b")["Body"].read() == b"by name"
    assert [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/ü b"]
    client.delete_object(Bucket=bucket, Key="a/ü b")
    with refused("404"):
        client.head_object(Bucket=bucket, Key="a/ü b")


def test_bucket_life_by_name(server, s3, localhost_names):
    port = urllib.parse.urlsplit(server.s3).port
    client = make_client(f"http://localhost:{port}", s3={"addressing_style": "virtual"})
    client.create_bucket(Bucket="by-host-name")
    s3.head_bucket(Bucket="by-host-name")
    client.delete_bucket(Bucket="by-host-name")
