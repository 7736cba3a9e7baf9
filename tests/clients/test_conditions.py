"""Conditional reads and writes."""

import concurrent.futures
import datetime

import pytest

from errors import refused

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def stored(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    return bucket, etag, modified


@pytest.mark.parametrize("call", ["get_object", "head_object"])
def test_reads(s3, stored, call):
    bucket, etag, modified = stored
    read = lambda **conditions: getattr(s3, call)(Bucket=bucket, Key="k", **conditions)
    failed = "PreconditionFailed" if call == "get_object" else "412"
    read(IfMatch=etag)
    read(IfMatch=etag.strip('"'))
    read(IfMatch="*")
    with refused(failed, 412):
        read(IfMatch='"other"')
    read(IfNoneMatch='"other"')
    with refused("304", 304) as caught:
        read(IfNoneMatch=etag)
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["etag"] == etag
    with refused("304", 304):
        read(IfNoneMatch=f'"other", {etag}')
    read(IfModifiedSince=modified - HOUR)
    with refused("304", 304):
        read(IfModifiedSince=modified)
    read(IfUnmodifiedSince=modified)
    with refused(failed, 412):
        read(IfUnmodifiedSince=modified - HOUR)
    # GetObject: a true If-Match beats If-Unmodified-Since, and a false
    # If-None-Match beats If-Modified-Since.
    read(IfMatch=etag, IfUnmodifiedSince=modified - HOUR)
    with refused("304", 304):
        read(IfNoneMatch=etag, IfModifiedSince=modified - HOUR)


def test_create_only_once(s3, bucket):
    s3.put_object(Bucket=bucket, Key="once", Body=b"1", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="once", Body=b"2", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="once")["Body"].read() == b"1"


def test_compare_and_swap(s3, stored):
    bucket, etag, _ = stored
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"second", IfMatch=etag)["ETag"]
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"third", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=second)["Body"].read() == b"second"
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="nobody", Body=b"x", IfMatch=etag)


def test_only_one_of_many_creates(s3, bucket):
    def create(n):
        try:
            s3.put_object(Bucket=bucket, Key="room", Body=str(n).encode(), IfNoneMatch="*")
            return n
        except s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict")
            return None

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        winners = [n for n in pool.map(create, range(32)) if n is not None]
    assert len(winners) == 1
    assert s3.get_object(Bucket=bucket, Key="room")["Body"].read() == str(winners[0]).encode()


def test_conditional_delete(s3, stored):
    bucket, etag, _ = stored
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch='"other"')
    s3.head_object(Bucket=bucket, Key="k")
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_conditional_delete_many(s3, stored):
    bucket, etag, _ = stored
    s3.put_object(Bucket=bucket, Key="other", Body=b"o")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [
        {"Key": "k", "ETag": etag}, {"Key": "other", "ETag": '"wrong"'},
    ]})
    assert [entry["Key"] for entry in answer["Deleted"]] == ["k"]
    assert [(entry["Key"], entry["Code"]) for entry in answer["Errors"]] == [("other", "PreconditionFailed")]


def test_conditional_completion(s3, stored):
    bucket, etag, _ = stored
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"parts")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload, "MultipartUpload": parts}
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(IfNoneMatch="*", **named)
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(IfMatch='"other"', **named)
    s3.complete_multipart_upload(IfMatch=etag, **named)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"parts"
