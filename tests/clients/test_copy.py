"""CopyObject."""

import os

import pytest

from conftest import unique
from errors import refused

MIB = 1 << 20


@pytest.fixture
def source(s3, bucket):
    s3.put_object(Bucket=bucket, Key="src", Body=b"source", ContentType="text/a", CacheControl="no-cache",
                  Metadata={"from": "src"}, Tagging="t=src")
    return {"Bucket": bucket, "Key": "src"}


def test_copies_everything_by_default(s3, bucket, source):
    answer = s3.copy_object(Bucket=bucket, Key="dst", CopySource=source)
    assert answer["CopyObjectResult"]["ETag"] == s3.head_object(**source)["ETag"]
    got = s3.get_object(Bucket=bucket, Key="dst")
    assert (got["Body"].read(), got["ContentType"], got["CacheControl"], got["Metadata"], got["TagCount"]) == (
        b"source", "text/a", "no-cache", {"from": "src"}, 1)


def test_replacing_metadata(s3, bucket, source):
    s3.copy_object(Bucket=bucket, Key="dst", CopySource=source, MetadataDirective="REPLACE",
                   ContentType="text/b", Metadata={"from": "dst"})
    got = s3.head_object(Bucket=bucket, Key="dst")
    assert (got["ContentType"], got["Metadata"]) == ("text/b", {"from": "dst"})
    assert "CacheControl" not in got


def test_replacing_tags(s3, bucket, source):
    s3.copy_object(Bucket=bucket, Key="dst", CopySource=source, TaggingDirective="REPLACE", Tagging="t=dst&u=2")
    tags = s3.get_object_tagging(Bucket=bucket, Key="dst")["TagSet"]
    assert sorted((t["Key"], t["Value"]) for t in tags) == [("t", "dst"), ("u", "2")]


def test_to_itself(s3, bucket, source):
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="src", CopySource=source)
    s3.copy_object(Bucket=bucket, Key="src", CopySource=source, MetadataDirective="REPLACE", Metadata={"new": "1"})
    got = s3.get_object(**source)
    assert (got["Body"].read(), got["Metadata"]) == (b"source", {"new": "1"})
    # A class that is named is a change, whatever it was.
    s3.copy_object(Bucket=bucket, Key="src", CopySource=source, StorageClass="STANDARD")
    assert s3.get_object(**source)["Metadata"] == {"new": "1"}


def test_missing_source_is_named(s3, bucket):
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key="dst", CopySource={"Bucket": bucket, "Key": "nobody"})
    error = caught.value.response["Error"]
    assert (error["Code"], error["Key"]) == ("NoSuchKey", "nobody")


@pytest.mark.parametrize("key", ["plain", "ü b/日本+&=?%", "a//b", "100%25"])
def test_source_keys(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    s3.copy_object(Bucket=bucket, Key="dst", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key="dst")["Body"].read() == key.encode()


def test_leading_slash_in_the_source(s3, bucket, source):
    s3.copy_object(Bucket=bucket, Key="dst", CopySource=f"/{bucket}/src")
    assert s3.get_object(Bucket=bucket, Key="dst")["Body"].read() == b"source"


def test_between_buckets_and_then_alone(s3, bucket, source):
    other = unique("other")
    s3.create_bucket(Bucket=other)
    s3.copy_object(Bucket=other, Key="dst", CopySource=source)
    # Deleting the source must not take the copy's bytes with it.
    s3.delete_object(**source)
    assert s3.get_object(Bucket=other, Key="dst")["Body"].read() == b"source"
    s3.delete_object(Bucket=other, Key="dst")
    s3.delete_bucket(Bucket=other)


def test_large(s3, bucket):
    body = os.urandom(20 * MIB + 1)
    s3.put_object(Bucket=bucket, Key="big", Body=body)
    s3.copy_object(Bucket=bucket, Key="dst", CopySource={"Bucket": bucket, "Key": "big"})
    s3.delete_object(Bucket=bucket, Key="big")
    assert s3.get_object(Bucket=bucket, Key="dst")["Body"].read() == body


def test_conditions(s3, bucket, source):
    head = s3.head_object(**source)
    copy = lambda **more: s3.copy_object(Bucket=bucket, Key="dst", CopySource=source, **more)
    copy(CopySourceIfMatch=head["ETag"])
    for condition in ({"CopySourceIfMatch": '"x"'}, {"CopySourceIfNoneMatch": head["ETag"]},
                      {"CopySourceIfModifiedSince": head["LastModified"]},
                      {"IfNoneMatch": "*"}, {"IfMatch": '"x"'}):
        with refused("PreconditionFailed", 412):
            copy(**condition)


def test_missing_source(s3, bucket):
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="dst", CopySource={"Bucket": bucket, "Key": "nobody"})
    with refused("NoSuchBucket", 404):
        s3.copy_object(Bucket=bucket, Key="dst", CopySource={"Bucket": bucket + "-none", "Key": "k"})


def test_copy_keeps_or_changes_the_checksum(s3, bucket):
    from digests import encoded
    s3.put_object(Bucket=bucket, Key="src", Body=b"sum", ChecksumAlgorithm="SHA256")
    same = s3.copy_object(Bucket=bucket, Key="same", CopySource={"Bucket": bucket, "Key": "src"})
    assert same["CopyObjectResult"]["ChecksumSHA256"] == encoded("SHA256", b"sum")
    other = s3.copy_object(Bucket=bucket, Key="other", CopySource={"Bucket": bucket, "Key": "src"}, ChecksumAlgorithm="CRC32C")
    assert other["CopyObjectResult"]["ChecksumCRC32C"] == encoded("CRC32C", b"sum")


def test_copying_an_object_of_parts_makes_one(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    parts = []
    for n, body in enumerate([b"a" * 5 * MIB, b"b"], 1):
        etag = s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=n, Body=body)["ETag"]
        parts.append({"PartNumber": n, "ETag": etag})
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": parts})
    s3.copy_object(Bucket=bucket, Key="dst", CopySource={"Bucket": bucket, "Key": "m"})
    assert s3.get_object(Bucket=bucket, Key="dst")["Body"].read() == b"a" * 5 * MIB + b"b"
