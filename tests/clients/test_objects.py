"""Objects: bytes, headers, metadata, ranges, tags, deletion."""

import datetime
import hashlib
import os

import pytest

from conftest import make_client
from errors import refused

MIB = 1 << 20


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 65536, 65537, MIB, 8 * MIB, 8 * MIB + 1, 20 * MIB + 3])
def test_bytes_come_back(s3, bucket, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="bytes", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="bytes")
    assert got["ContentLength"] == size
    assert got["ETag"] == put["ETag"]
    assert got["Body"].read() == body
    head = s3.head_object(Bucket=bucket, Key="bytes")
    assert (head["ContentLength"], head["ETag"]) == (size, put["ETag"])


def test_puts_after_an_empty_one(server, bucket):
    """botocore mistakes the response that follows an unanswered `Expect` on its connection."""
    client = make_client(server.s3, max_pool_connections=1, read_timeout=20)
    for body in [b"", b"luggage", b"", b"", b"more luggage"]:
        put = client.put_object(Bucket=bucket, Key="k", Body=body)
        assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    client.put_object(Bucket=bucket, Key="k", Body=b"")
    with refused("NoSuchBucket", 404):
        client.put_object(Bucket=bucket + "-none", Key="k", Body=b"x")


@pytest.mark.parametrize("key", [
    "plain", "with space", "a/b//c///d", "/leading", "trailing/", "ünïcødé/日本語/🛎",
    "a+b=c&d?e#f%20g%", "quote'\"<>&", ".", "..", "../up", "tab\there", "star*(1)!~", "k" * 1024,
    "\x01control",
])
def test_keys(s3, bucket, key):
    # botocore normalises nothing in S3 paths; neither may the server.
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Key"] for entry in listed] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_key_too_long(s3, bucket):
    with refused("KeyTooLongError", 400):
        s3.put_object(Bucket=bucket, Key="k" * 1025, Body=b"")


def test_missing_things(s3, bucket):
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="nobody")
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="nobody")
    with refused("NoSuchBucket", 404):
        s3.get_object(Bucket=bucket + "-none", Key="nobody")
    with refused("NoSuchBucket", 404):
        s3.put_object(Bucket=bucket + "-none", Key="nobody", Body=b"x")


def test_content_headers_and_user_metadata(s3, bucket):
    expires = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    s3.put_object(
        Bucket=bucket, Key="dressed", Body=b"x", ContentType="text/x-luggage; charset=utf-8",
        ContentEncoding="gzip", ContentLanguage="en, fr", ContentDisposition='attachment; filename="a b.txt"',
        CacheControl="max-age=60", Expires=expires, WebsiteRedirectLocation="/elsewhere",
        Metadata={"room": "101", "note": "hat boxes, two"},
    )
    for answer in (s3.head_object(Bucket=bucket, Key="dressed"), s3.get_object(Bucket=bucket, Key="dressed")):
        assert answer["ContentType"] == "text/x-luggage; charset=utf-8"
        assert answer["ContentEncoding"] == "gzip"
        assert answer["ContentLanguage"] == "en, fr"
        assert answer["ContentDisposition"] == 'attachment; filename="a b.txt"'
        assert answer["CacheControl"] == "max-age=60"
        assert answer["ExpiresString"] == "Wed, 02 Jan 2030 03:04:05 GMT"
        assert answer["WebsiteRedirectLocation"] == "/elsewhere"
        assert answer["Metadata"] == {"room": "101", "note": "hat boxes, two"}


def test_default_content_type(s3, bucket):
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="plain")["ContentType"] == "binary/octet-stream"


def test_metadata_over_two_kib(s3, bucket):
    with refused("MetadataTooLarge", 400):
        s3.put_object(Bucket=bucket, Key="fat", Body=b"", Metadata={"n": "v" * 2048})
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="fat")


def test_response_overrides(s3, bucket):
    s3.put_object(Bucket=bucket, Key="o", Body=b"x", ContentType="text/plain")
    got = s3.get_object(
        Bucket=bucket, Key="o", ResponseContentType="application/pdf", ResponseCacheControl="no-store",
        ResponseContentDisposition="inline", ResponseContentEncoding="identity", ResponseContentLanguage="de",
        ResponseExpires=datetime.datetime(2031, 1, 1, tzinfo=datetime.timezone.utc),
    )
    assert got["ContentType"] == "application/pdf"
    assert got["CacheControl"] == "no-store"
    assert got["ContentDisposition"] == "inline"
    assert got["ContentEncoding"] == "identity"
    assert got["ContentLanguage"] == "de"
    assert got["ExpiresString"] == "Wed, 01 Jan 2031 00:00:00 GMT"


@pytest.mark.parametrize("size", [1000, 9 * MIB])
def test_ranges(s3, bucket, size):
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="r", Body=body)
    for asked, first, last in [
        ("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), (f"bytes={size - 5}-", size - 5, size - 1),
        ("bytes=-7", size - 7, size - 1), (f"bytes=5-{size * 2}", 5, size - 1),
        (f"bytes=-{size * 2}", 0, size - 1), ("bytes=0-", 0, size - 1),
    ]:
        got = s3.get_object(Bucket=bucket, Key="r", Range=asked)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206, asked
        assert got["ContentRange"] == f"bytes {first}-{last}/{size}", asked
        assert got["Body"].read() == body[first:last + 1], asked
        head = s3.head_object(Bucket=bucket, Key="r", Range=asked)
        assert head["ContentLength"] == last - first + 1, asked
    with refused("InvalidRange", 416):
        s3.get_object(Bucket=bucket, Key="r", Range=f"bytes={size}-")
    with refused("InvalidRange", 416):
        s3.get_object(Bucket=bucket, Key="r", Range="bytes=-0")
    # RFC 9110 §14.2: a range that cannot be understood is ignored.
    for nonsense in ("bytes=9-3", "lines=1-2", "bytes=a-b"):
        got = s3.get_object(Bucket=bucket, Key="r", Range=nonsense)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 200, nonsense
        assert got["Body"].read() == body


def test_range_across_extents(s3, bucket):
    body = os.urandom(17 * MIB)
    s3.put_object(Bucket=bucket, Key="r", Body=body)
    for first, last in [(8 * MIB - 1, 8 * MIB), (8 * MIB, 8 * MIB), (3, 16 * MIB + 5), (16 * MIB - 1, 17 * MIB - 1)]:
        got = s3.get_object(Bucket=bucket, Key="r", Range=f"bytes={first}-{last}")
        assert got["Body"].read() == body[first:last + 1]


def test_range_of_an_empty_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    with refused("InvalidRange", 416):
        s3.get_object(Bucket=bucket, Key="empty", Range="bytes=0-")


def test_overwrite(s3, bucket):
    for n in range(3):
        s3.put_object(Bucket=bucket, Key="k", Body=f"{n}".encode(), Metadata={"n": str(n)})
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["Metadata"]) == (b"2", {"n": "2"})
    assert "VersionId" not in got


def test_delete_is_idempotent(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for _ in range(2):
        assert s3.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")


def test_delete_many(s3, bucket):
    keys = [f"d/{n:04}" for n in range(1000)]
    for key in keys[::100]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.put_object(Bucket=bucket, Key="stays", Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert sorted(entry["Key"] for entry in answer["Deleted"]) == keys
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["stays"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "stays"}], "Quiet": True})
    assert "Deleted" not in quiet and "Errors" not in quiet
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_delete_many_of_strange_keys(s3, bucket):
    keys = ["a&b", "<c>", "d\"'e", "ü/日本", " leading and trailing ", "a\rb", "a\nb"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert "Errors" not in answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_delete_more_than_a_thousand(s3, bucket):
    with refused("MalformedXML", 400):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": str(n)} for n in range(1001)]})


def test_object_tags(s3, bucket):
    s3.put_object(Bucket=bucket, Key="t", Body=b"x", Tagging="floor=3&view=sea%20side")
    assert s3.get_object(Bucket=bucket, Key="t")["TagCount"] == 2
    tags = s3.get_object_tagging(Bucket=bucket, Key="t")["TagSet"]
    assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("floor", "3"), ("view", "sea side")]
    s3.put_object_tagging(Bucket=bucket, Key="t", Tagging={"TagSet": [{"Key": "k", "Value": "é: +-=._/@"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="t")["TagSet"] == [{"Key": "k", "Value": "é: +-=._/@"}]
    s3.delete_object_tagging(Bucket=bucket, Key="t")
    assert s3.get_object_tagging(Bucket=bucket, Key="t")["TagSet"] == []
    assert "TagCount" not in s3.get_object(Bucket=bucket, Key="t")


@pytest.mark.parametrize("tags", [
    [{"Key": str(n), "Value": ""} for n in range(11)],
    [{"Key": "k" * 129, "Value": ""}],
    [{"Key": "k", "Value": "v" * 257}],
    [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}],
])
def test_bad_tags(s3, bucket, tags):
    s3.put_object(Bucket=bucket, Key="t", Body=b"x", Tagging="kept=1")
    code = "BadRequest" if len(tags) > 10 else "InvalidTag"
    with refused(code, 400):
        s3.put_object_tagging(Bucket=bucket, Key="t", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=bucket, Key="t")["TagSet"] == [{"Key": "kept", "Value": "1"}]


def test_tags_of_nobody(s3, bucket):
    with refused("NoSuchKey", 404):
        s3.get_object_tagging(Bucket=bucket, Key="nobody")


def test_storage_class(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="STANDARD")
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == "STANDARD"
    with refused("InvalidStorageClass", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="ATTIC")


def test_object_acl_is_the_owners(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    acl = s3.get_object_acl(Bucket=bucket, Key="k")
    assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL"]
