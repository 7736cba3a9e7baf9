"""Accounts: each sees and touches its own buckets alone; the administrator all."""

import json

import pytest

from conftest import empty_and_delete, make_client, ours_only, unique
from errors import refused


def account(server, name):
    """Makes an account and a key for it; gives a client."""
    ours_only()
    server.run("account", "create", name, "--json")
    made = json.loads(server.run("key", "create", "--account", name, "--json").stdout)
    return make_client(server.s3, made["access_key_id"], made["secret_access_key"]), made


@pytest.fixture
def guest(server):
    return account(server, unique("guest"))[0]


@pytest.fixture
def other(server):
    return account(server, unique("other"))[0]


def test_each_to_its_own(s3, guest, other):
    name = unique("own")
    guest.create_bucket(Bucket=name)
    guest.put_object(Bucket=name, Key="k", Body=b"mine")
    assert [b["Name"] for b in guest.list_buckets()["Buckets"]] == [name]
    assert other.list_buckets()["Buckets"] == []
    for call in (
        lambda: other.get_object(Bucket=name, Key="k"),
        lambda: other.put_object(Bucket=name, Key="k", Body=b"yours"),
        lambda: other.delete_object(Bucket=name, Key="k"),
        lambda: other.list_objects_v2(Bucket=name),
        lambda: other.list_object_versions(Bucket=name),
        lambda: other.create_multipart_upload(Bucket=name, Key="m"),
        lambda: other.get_bucket_versioning(Bucket=name),
        lambda: other.get_bucket_cors(Bucket=name),
        lambda: other.delete_bucket(Bucket=name),
    ):
        with refused("AccessDenied", 403):
            call()
    with refused("403", 403):
        other.head_bucket(Bucket=name)
    with refused("BucketAlreadyExists", 409):
        other.create_bucket(Bucket=name)
    # A copy may not read what its owner may not.
    mine = unique("thief")
    other.create_bucket(Bucket=mine)
    with refused("AccessDenied", 403):
        other.copy_object(Bucket=mine, Key="stolen", CopySource={"Bucket": name, "Key": "k"})
    upload = other.create_multipart_upload(Bucket=mine, Key="m")["UploadId"]
    with refused("AccessDenied", 403):
        other.upload_part_copy(Bucket=mine, Key="m", UploadId=upload, PartNumber=1,
                               CopySource={"Bucket": name, "Key": "k"})
    assert guest.get_object(Bucket=name, Key="k")["Body"].read() == b"mine"
    # The administrator sees everything.
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"mine"
    assert {name, mine} <= {b["Name"] for b in s3.list_buckets()["Buckets"]}
    empty_and_delete(s3, name)
    empty_and_delete(s3, mine)


def test_disabled_and_deleted_keys(server):
    client, made = account(server, unique("leaving"))
    client.list_buckets()
    server.run("key", "disable", made["access_key_id"])
    with refused("InvalidAccessKeyId", 403):
        client.list_buckets()
    server.run("key", "enable", made["access_key_id"])
    client.list_buckets()
    server.run("key", "delete", made["access_key_id"])
    with refused("InvalidAccessKeyId", 403):
        client.list_buckets()
