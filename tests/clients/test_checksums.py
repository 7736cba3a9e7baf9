"""Additional checksums: five algorithms, in headers, in parts, as attributes."""

import os

import pytest

from conftest import make_client
from digests import ALGORITHMS, composite, encoded, member
from errors import refused

MIB = 1 << 20
FULL_OBJECT = ["CRC32", "CRC32C", "CRC64NVME"]
COMPOSITE = ["CRC32", "CRC32C", "SHA1", "SHA256"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_whole_objects(s3, bucket, algorithm):
    body = os.urandom(100_003)
    expected = encoded(algorithm, body)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    assert put[member(algorithm)] == expected
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[member(algorithm)] == expected and got["ChecksumType"] == "FULL_OBJECT"
    assert got["Body"].read() == body
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[member(algorithm)] == expected
    assert member(algorithm) not in s3.head_object(Bucket=bucket, Key="k")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == ([algorithm], "FULL_OBJECT")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_given_checksum_is_checked(s3, bucket, algorithm):
    right = encoded(algorithm, b"luggage")
    s3.put_object(Bucket=bucket, Key="k", Body=b"luggage", **{member(algorithm): right})
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"Luggage", **{member(algorithm): right})
    with refused("InvalidRequest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"luggage", **{member(algorithm): "AAA="})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"luggage"


def test_default_is_crc64nvme(server, s3, bucket):
    # An object put without a checksum gets CRC64NVME (PutObject, data integrity).
    quiet = make_client(server.s3, request_checksum_calculation="when_required")
    quiet.put_object(Bucket=bucket, Key="k", Body=b"bare")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC64NVME"] == encoded("CRC64NVME", b"bare")


def upload_parts(s3, bucket, algorithm, kind, bodies):
    upload = s3.create_multipart_upload(
        Bucket=bucket, Key="m", ChecksumAlgorithm=algorithm, ChecksumType=kind)
    assert (upload["ChecksumAlgorithm"], upload["ChecksumType"]) == (algorithm, kind)
    parts = []
    for number, body in enumerate(bodies, 1):
        answer = s3.upload_part(
            Bucket=bucket, Key="m", UploadId=upload["UploadId"], PartNumber=number, Body=body,
            ChecksumAlgorithm=algorithm)
        assert answer[member(algorithm)] == encoded(algorithm, body)
        parts.append({"PartNumber": number, "ETag": answer["ETag"], member(algorithm): answer[member(algorithm)]})
    return upload["UploadId"], parts


def finish(s3, bucket, upload, parts, **more):
    return s3.complete_multipart_upload(
        Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": parts}, **more)


@pytest.mark.parametrize("algorithm", COMPOSITE)
def test_composite(s3, bucket, algorithm):
    bodies = [os.urandom(5 * MIB), os.urandom(1_000_001)]
    upload, parts = upload_parts(s3, bucket, algorithm, "COMPOSITE", bodies)
    expected = composite(algorithm, bodies)
    done = finish(s3, bucket, upload, parts)
    assert (done[member(algorithm)], done["ChecksumType"]) == (expected, "COMPOSITE")
    head = s3.head_object(Bucket=bucket, Key="m", ChecksumMode="ENABLED")
    assert (head[member(algorithm)], head["ChecksumType"]) == (expected, "COMPOSITE")
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="m", ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize", "ETag", "StorageClass"])
    assert attributes["Checksum"][member(algorithm)] == expected
    assert attributes["ObjectSize"] == sum(map(len, bodies))
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2
    assert [(p["PartNumber"], p["Size"], p[member(algorithm)]) for p in attributes["ObjectParts"]["Parts"]] == [
        (n, len(body), encoded(algorithm, body)) for n, body in enumerate(bodies, 1)]


@pytest.mark.parametrize("algorithm", FULL_OBJECT)
def test_full_object_of_parts(s3, bucket, algorithm):
    bodies = [os.urandom(5 * MIB), os.urandom(5 * MIB + 7), os.urandom(1)]
    upload, parts = upload_parts(s3, bucket, algorithm, "FULL_OBJECT", bodies)
    expected = encoded(algorithm, b"".join(bodies))
    with refused("BadDigest", 400):
        finish(s3, bucket, upload, parts, ChecksumType="FULL_OBJECT", **{member(algorithm): encoded(algorithm, b"other")})
    done = finish(s3, bucket, upload, parts, ChecksumType="FULL_OBJECT", **{member(algorithm): expected})
    assert (done[member(algorithm)], done["ChecksumType"]) == (expected, "FULL_OBJECT")
    head = s3.head_object(Bucket=bucket, Key="m", ChecksumMode="ENABLED")
    assert (head[member(algorithm)], head["ChecksumType"]) == (expected, "FULL_OBJECT")


@pytest.mark.parametrize("algorithm,kind", [("SHA1", "FULL_OBJECT"), ("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")])
def test_kinds_that_do_not_exist(s3, bucket, algorithm, kind):
    with refused("InvalidRequest", 400):
        s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm=algorithm, ChecksumType=kind)


def test_wrong_checksum_of_a_part_in_the_completion(s3, bucket):
    upload, parts = upload_parts(s3, bucket, "SHA256", "COMPOSITE", [b"only"])
    wrong = [{**parts[0], "ChecksumSHA256": encoded("SHA256", b"other")}]
    with refused("InvalidPart", 400):
        finish(s3, bucket, upload, wrong)
    finish(s3, bucket, upload, parts)


def test_total_size_in_the_completion(s3, bucket):
    upload, parts = upload_parts(s3, bucket, "CRC32", "FULL_OBJECT", [b"12345"])
    with refused("InvalidRequest", 400):
        finish(s3, bucket, upload, parts, MpuObjectSize=6)
    finish(s3, bucket, upload, parts, MpuObjectSize=5)


def test_attributes_of_a_simple_object(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"abc", ChecksumAlgorithm="SHA1")
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"])
    assert attributes["ETag"] == put["ETag"].strip('"')
    assert attributes["ObjectSize"] == 3
    assert attributes["StorageClass"] == "STANDARD"
    assert attributes["Checksum"]["ChecksumSHA1"] == encoded("SHA1", b"abc")
    assert "ObjectParts" not in attributes
    only = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectSize"])
    assert "ETag" not in only and "Checksum" not in only


def test_attributes_page_through_parts(s3, bucket):
    bodies = [b"x" * 5 * MIB, b"y" * 5 * MIB, b"z"]
    upload, parts = upload_parts(s3, bucket, "CRC32C", "COMPOSITE", bodies)
    finish(s3, bucket, upload, parts)
    seen, marker = [], 0
    while True:
        page = s3.get_object_attributes(
            Bucket=bucket, Key="m", ObjectAttributes=["ObjectParts"], MaxParts=2, PartNumberMarker=marker)["ObjectParts"]
        seen += [part["PartNumber"] for part in page["Parts"]]
        if not page["IsTruncated"]:
            break
        marker = page["NextPartNumberMarker"]
    assert seen == [1, 2, 3]


def test_content_md5(s3, bucket):
    import base64
    import hashlib
    right = base64.b64encode(hashlib.md5(b"abc").digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"abc", ContentMD5=right)
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"abd", ContentMD5=right)
    with refused("InvalidDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"abc", ContentMD5="bm90IG1kNQ==")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"abc"
