"""Versions, delete markers, the null version."""

import pytest

from errors import refused


def put(s3, bucket, body, key="k", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=body, **more).get("VersionId")


def read(s3, bucket, version=None, key="k"):
    extra = {"VersionId": version} if version else {}
    return s3.get_object(Bucket=bucket, Key=key, **extra)["Body"].read()


def suspend(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def versions(s3, bucket, **query):
    answer = s3.list_object_versions(Bucket=bucket, **query)
    return (
        [(v["Key"], v["VersionId"], v["IsLatest"]) for v in answer.get("Versions", [])],
        [(m["Key"], m["VersionId"], m["IsLatest"]) for m in answer.get("DeleteMarkers", [])],
    )


def test_every_version_stays(s3, versioned):
    ids = [put(s3, versioned, f"{n}".encode()) for n in range(4)]
    assert len(set(ids)) == 4 and None not in ids
    for n, version in enumerate(ids):
        assert read(s3, versioned, version) == f"{n}".encode()
    got = s3.get_object(Bucket=versioned, Key="k")
    assert (got["Body"].read(), got["VersionId"]) == (b"3", ids[3])
    listed, markers = versions(s3, versioned)
    assert [entry[1] for entry in listed] == ids[::-1] and not markers
    assert [entry[2] for entry in listed] == [True, False, False, False]


def test_delete_marker(s3, versioned):
    version = put(s3, versioned, b"x")
    gone = s3.delete_object(Bucket=versioned, Key="k")
    assert gone["DeleteMarker"] is True
    marker = gone["VersionId"]
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(Bucket=versioned, Key="k")
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true"
    assert headers["x-amz-version-id"] == marker
    with refused("404", 404):
        s3.head_object(Bucket=versioned, Key="k")
    with refused("MethodNotAllowed", 405) as caught:
        s3.get_object(Bucket=versioned, Key="k", VersionId=marker)
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true"
    with refused("405", 405):
        s3.head_object(Bucket=versioned, Key="k", VersionId=marker)
    assert read(s3, versioned, version) == b"x"
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 0
    listed, markers = versions(s3, versioned)
    assert listed == [("k", version, False)] and markers == [("k", marker, True)]
    # Removing the marker brings the object back.
    undone = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert undone["DeleteMarker"] is True and undone["VersionId"] == marker
    assert read(s3, versioned) == b"x"


def test_deleting_one_version(s3, versioned):
    first, second, third = (put(s3, versioned, b) for b in (b"1", b"2", b"3"))
    answer = s3.delete_object(Bucket=versioned, Key="k", VersionId=third)
    assert answer["VersionId"] == third and "DeleteMarker" not in answer
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == second
    s3.delete_object(Bucket=versioned, Key="k", VersionId=first)
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=versioned, Key="k", VersionId=first)
    assert versions(s3, versioned)[0] == [("k", second, True)]


def test_version_that_never_was(s3, versioned):
    put(s3, versioned, b"x")
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.get_object(Bucket=versioned, Key="k", VersionId="not-an-id")
    assert caught.value.response["Error"]["Code"] in ("InvalidArgument", "NoSuchVersion")


def test_null_version_before_and_after(s3, bucket):
    put(s3, bucket, b"old")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert read(s3, bucket, "null") == b"old"
    new = put(s3, bucket, b"new")
    assert read(s3, bucket) == b"new" and read(s3, bucket, "null") == b"old"
    suspend(s3, bucket)
    answer = s3.put_object(Bucket=bucket, Key="k", Body=b"null again")
    assert answer.get("VersionId") in (None, "null")
    assert read(s3, bucket) == b"null again" and read(s3, bucket, "null") == b"null again"
    assert read(s3, bucket, new) == b"new"
    assert versions(s3, bucket)[0] == [("k", "null", True), ("k", new, False)]


def test_delete_while_suspended_removes_the_null_version(s3, bucket):
    put(s3, bucket, b"null")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kept = put(s3, bucket, b"kept")
    suspend(s3, bucket)
    answer = s3.delete_object(Bucket=bucket, Key="k")
    assert (answer["DeleteMarker"], answer["VersionId"]) == (True, "null")
    listed, markers = versions(s3, bucket)
    assert listed == [("k", kept, False)] and markers == [("k", "null", True)]


def test_delete_many_versions(s3, versioned):
    ids = [put(s3, versioned, b"x") for _ in range(3)]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [
        {"Key": "k", "VersionId": ids[0]}, {"Key": "k"}, {"Key": "absent"},
    ]})
    assert "Errors" not in answer
    by_key = {(entry["Key"], entry.get("VersionId")): entry for entry in answer["Deleted"]}
    assert ("k", ids[0]) in by_key
    marker = next(entry for entry in answer["Deleted"] if entry["Key"] == "k" and entry.get("DeleteMarker"))
    assert marker["DeleteMarkerVersionId"]
    listed, markers = versions(s3, versioned)
    assert [entry[1] for entry in listed] == [ids[2], ids[1]]
    assert ("k", marker["DeleteMarkerVersionId"], True) in markers


def test_listing_versions_in_pages(s3, versioned):
    expected = []
    for key in ("a", "b", "c"):
        ids = [put(s3, versioned, b"x", key) for _ in range(3)]
        expected += [(key, version) for version in reversed(ids)]
    seen, markers = [], {}
    while True:
        answer = s3.list_object_versions(Bucket=versioned, MaxKeys=2, **markers)
        page = [(v["Key"], v["VersionId"]) for v in answer.get("Versions", [])]
        assert len(page) <= 2
        seen += page
        if not answer["IsTruncated"]:
            break
        markers = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}
    assert seen == expected


def test_listing_versions_by_folder(s3, versioned):
    for key in ("top", "x/1", "x/2", "y/1"):
        put(s3, versioned, b"x", key)
    answer = s3.list_object_versions(Bucket=versioned, Delimiter="/")
    assert [p["Prefix"] for p in answer["CommonPrefixes"]] == ["x/", "y/"]
    assert [v["Key"] for v in answer["Versions"]] == ["top"]
    answer = s3.list_object_versions(Bucket=versioned, Prefix="x/")
    assert [v["Key"] for v in answer["Versions"]] == ["x/1", "x/2"]


def test_listing_versions_of_an_unversioned_bucket(s3, bucket):
    put(s3, bucket, b"x")
    assert versions(s3, bucket) == ([("k", "null", True)], [])


def test_tags_by_version(s3, versioned):
    first = put(s3, versioned, b"1", Tagging="n=1")
    put(s3, versioned, b"2", Tagging="n=2")
    tags = s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=first)
    assert (tags["VersionId"], tags["TagSet"]) == (first, [{"Key": "n", "Value": "1"}])
    s3.put_object_tagging(Bucket=versioned, Key="k", VersionId=first,
                          Tagging={"TagSet": [{"Key": "n", "Value": "one"}]})
    assert s3.get_object_tagging(Bucket=versioned, Key="k")["TagSet"] == [{"Key": "n", "Value": "2"}]


def test_condition_sees_the_delete_marker(s3, versioned):
    put(s3, versioned, b"x")
    s3.delete_object(Bucket=versioned, Key="k")
    # Under a delete marker there is no current object (PutObject, If-None-Match).
    put(s3, versioned, b"again", IfNoneMatch="*")
    assert read(s3, versioned) == b"again"


def test_copying_a_version(s3, versioned):
    first = put(s3, versioned, b"1")
    put(s3, versioned, b"2")
    answer = s3.copy_object(Bucket=versioned, Key="k", CopySource={"Bucket": versioned, "Key": "k", "VersionId": first})
    assert answer["CopySourceVersionId"] == first and answer["VersionId"] not in (None, first)
    assert read(s3, versioned) == b"1"
