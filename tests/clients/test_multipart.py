"""Uploads in parts."""

import concurrent.futures
import hashlib
import os

import pytest

from errors import refused

MIB = 1 << 20


def start(s3, bucket, key="m", **more):
    return s3.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]


def upload(s3, bucket, upload_id, number, body, key="m"):
    answer = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def finish(s3, bucket, upload_id, parts, key="m", **more):
    return s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}, **more)


def joined_etag(bodies):
    digest = hashlib.md5(b"".join(hashlib.md5(body).digest() for body in bodies)).hexdigest()
    return f'"{digest}-{len(bodies)}"'


def test_parts_become_one_object(s3, bucket):
    bodies = [os.urandom(5 * MIB), os.urandom(9 * MIB + 1), os.urandom(3)]
    upload_id = start(s3, bucket, ContentType="x/y", Metadata={"a": "b"}, Tagging="t=1")
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="m")
    # Any order, and in parallel.
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        parts = list(pool.map(lambda n: upload(s3, bucket, upload_id, n + 1, bodies[n]), [2, 0, 1]))
    parts.sort(key=lambda part: part["PartNumber"])
    done = finish(s3, bucket, upload_id, parts)
    assert done["ETag"] == joined_etag(bodies)
    assert (done["Bucket"], done["Key"]) == (bucket, "m")
    got = s3.get_object(Bucket=bucket, Key="m")
    assert got["Body"].read() == b"".join(bodies)
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("x/y", {"a": "b"}, 1)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    # A repeated completion (a retry after a lost answer) succeeds alike.
    assert finish(s3, bucket, upload_id, parts)["ETag"] == done["ETag"]


def test_reading_by_part(s3, bucket):
    bodies = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"tail"]
    upload_id = start(s3, bucket)
    finish(s3, bucket, upload_id, [upload(s3, bucket, upload_id, n + 1, b) for n, b in enumerate(bodies)])
    offset = 0
    for n, body in enumerate(bodies):
        got = s3.get_object(Bucket=bucket, Key="m", PartNumber=n + 1)
        assert got["Body"].read() == body
        assert got["PartsCount"] == 3
        assert got["ContentRange"] == f"bytes {offset}-{offset + len(body) - 1}/{sum(map(len, bodies))}"
        head = s3.head_object(Bucket=bucket, Key="m", PartNumber=n + 1)
        assert (head["ContentLength"], head["PartsCount"]) == (len(body), 3)
        offset += len(body)
    with refused("InvalidPartNumber", 416):
        s3.get_object(Bucket=bucket, Key="m", PartNumber=4)
    with refused("InvalidRequest", 400):
        s3.get_object(Bucket=bucket, Key="m", PartNumber=1, Range="bytes=0-1")
    first, last = 5 * MIB - 2, 10 * MIB + 1
    got = s3.get_object(Bucket=bucket, Key="m", Range=f"bytes={first}-{last}")
    assert got["Body"].read() == b"".join(bodies)[first:last + 1]


def test_sparse_part_numbers_and_a_subset(s3, bucket):
    upload_id = start(s3, bucket)
    one = upload(s3, bucket, upload_id, 3, b"a" * (5 * MIB))
    upload(s3, bucket, upload_id, 7, b"unused")
    two = upload(s3, bucket, upload_id, 10000, b"z")
    finish(s3, bucket, upload_id, [one, two])
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == b"a" * (5 * MIB) + b"z"


def test_replacing_a_part(s3, bucket):
    upload_id = start(s3, bucket)
    old = upload(s3, bucket, upload_id, 1, b"old")
    new = upload(s3, bucket, upload_id, 1, b"new")
    with refused("InvalidPart", 400):
        finish(s3, bucket, upload_id, [old])
    finish(s3, bucket, upload_id, [new])
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == b"new"


def test_what_a_completion_refuses(s3, bucket):
    upload_id = start(s3, bucket)
    one = upload(s3, bucket, upload_id, 1, b"too small")
    two = upload(s3, bucket, upload_id, 2, b"last")
    with refused("InvalidPartOrder", 400):
        finish(s3, bucket, upload_id, [two, one])
    with refused("EntityTooSmall", 400):
        finish(s3, bucket, upload_id, [one, two])
    with refused("InvalidPart", 400):
        finish(s3, bucket, upload_id, [{"PartNumber": 5, "ETag": one["ETag"]}])
    with refused("MalformedXML", 400):
        finish(s3, bucket, upload_id, [])
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="m")
    # The upload is as it was: nothing failed for good.
    finish(s3, bucket, upload_id, [two])
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == b"last"


@pytest.mark.parametrize("number", [0, 10001])
def test_part_numbers_out_of_range(s3, bucket, number):
    upload_id = start(s3, bucket)
    with refused("InvalidArgument", 400):
        upload(s3, bucket, upload_id, number, b"x")


def test_abort(s3, bucket):
    upload_id = start(s3, bucket)
    part = upload(s3, bucket, upload_id, 1, b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="m", UploadId=upload_id)
    for call in (
        lambda: upload(s3, bucket, upload_id, 2, b"x"),
        lambda: finish(s3, bucket, upload_id, [part]),
        lambda: s3.list_parts(Bucket=bucket, Key="m", UploadId=upload_id),
        lambda: s3.abort_multipart_upload(Bucket=bucket, Key="m", UploadId=upload_id),
    ):
        with refused("NoSuchUpload", 404):
            call()


def test_upload_of_another_key(s3, bucket):
    upload_id = start(s3, bucket)
    with refused("NoSuchUpload", 404):
        upload(s3, bucket, upload_id, 1, b"x", key="other")


def test_list_parts(s3, bucket):
    upload_id = start(s3, bucket)
    sent = [upload(s3, bucket, upload_id, n, b"p" * n) for n in (1, 2, 4, 8, 9)]
    seen, marker = [], 0
    while True:
        answer = s3.list_parts(Bucket=bucket, Key="m", UploadId=upload_id, MaxParts=2, PartNumberMarker=marker)
        assert answer["MaxParts"] == 2 and answer["StorageClass"] == "STANDARD"
        seen += [(part["PartNumber"], part["ETag"], part["Size"]) for part in answer["Parts"]]
        if not answer["IsTruncated"]:
            break
        marker = answer["NextPartNumberMarker"]
    assert seen == [(part["PartNumber"], part["ETag"], part["PartNumber"]) for part in sent]
    assert answer["Owner"]["ID"] and answer["Initiator"]["ID"]


def test_list_uploads(s3, bucket):
    ids = {key: start(s3, bucket, key) for key in ("b", "a/2", "a/1", "c/x")}
    more = start(s3, bucket, "b")
    answer = s3.list_multipart_uploads(Bucket=bucket)
    assert [u["Key"] for u in answer["Uploads"]] == ["a/1", "a/2", "b", "b", "c/x"]
    assert {u["UploadId"] for u in answer["Uploads"]} == {*ids.values(), more}
    answer = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in answer["CommonPrefixes"]] == ["a/", "c/"]
    assert [u["Key"] for u in answer["Uploads"]] == ["b", "b"]
    answer = s3.list_multipart_uploads(Bucket=bucket, Prefix="a/")
    assert [u["Key"] for u in answer["Uploads"]] == ["a/1", "a/2"]
    seen, markers = [], {}
    while True:
        answer = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=2, **markers)
        seen += [u["UploadId"] for u in answer.get("Uploads", [])]
        if not answer["IsTruncated"]:
            break
        markers = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}
    assert sorted(seen) == sorted([*ids.values(), more])


def test_part_copy(s3, bucket):
    source = os.urandom(6 * MIB)
    s3.put_object(Bucket=bucket, Key="src/ü", Body=source)
    upload_id = start(s3, bucket)
    copied = []
    for number, asked in [(1, f"bytes=0-{5 * MIB - 1}"), (2, None)]:
        extra = {"CopySourceRange": asked} if asked else {}
        answer = s3.upload_part_copy(
            Bucket=bucket, Key="m", UploadId=upload_id, PartNumber=number,
            CopySource={"Bucket": bucket, "Key": "src/ü"}, **extra)
        copied.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    assert copied[0]["ETag"] == f'"{hashlib.md5(source[:5 * MIB]).hexdigest()}"'
    finish(s3, bucket, upload_id, copied)
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == source[:5 * MIB] + source
    # The copy does not lean on the source.
    s3.delete_object(Bucket=bucket, Key="src/ü")
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == source[:5 * MIB] + source


def test_part_copy_refusals(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="src", Body=b"0123456789")["ETag"]
    upload_id = start(s3, bucket)
    copy = lambda **more: s3.upload_part_copy(
        Bucket=bucket, Key="m", UploadId=upload_id, PartNumber=1,
        CopySource=more.pop("source", {"Bucket": bucket, "Key": "src"}), **more)
    with refused("InvalidArgument", 400):
        copy(CopySourceRange="bytes=5-20")
    with refused("NoSuchKey", 404):
        copy(source={"Bucket": bucket, "Key": "nobody"})
    with refused("PreconditionFailed", 412):
        copy(CopySourceIfMatch='"other"')
    with refused("PreconditionFailed", 412):
        copy(CopySourceIfNoneMatch=etag)
    copy(CopySourceIfMatch=etag)


def test_versions_by_multipart(s3, versioned):
    ids = []
    for body in (b"one", b"two"):
        upload_id = start(s3, versioned)
        ids.append(finish(s3, versioned, upload_id, [upload(s3, versioned, upload_id, 1, body)])["VersionId"])
    assert len(set(ids)) == 2
    assert s3.get_object(Bucket=versioned, Key="m", VersionId=ids[0])["Body"].read() == b"one"
