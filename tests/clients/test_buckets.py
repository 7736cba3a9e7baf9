"""Buckets: life, location, versioning state, tags, listing."""

import pytest

from conftest import empty_and_delete, unique
from errors import refused


def test_life_of_a_bucket(s3):
    name = unique("life")
    s3.create_bucket(Bucket=name)
    assert s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert name in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    s3.delete_bucket(Bucket=name)
    with refused("404", 404):
        s3.head_bucket(Bucket=name)
    with refused("NoSuchBucket", 404):
        s3.list_objects_v2(Bucket=name)
    with refused("NoSuchBucket", 404):
        s3.delete_bucket(Bucket=name)
    assert name not in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]


def test_list_buckets_has_owner_and_dates(s3, bucket):
    answer = s3.list_buckets()
    assert answer["Owner"]["ID"]
    entry = next(entry for entry in answer["Buckets"] if entry["Name"] == bucket)
    assert entry["CreationDate"].tzinfo is not None


def test_list_buckets_in_pages(s3):
    prefix = unique("page")
    names = [f"{prefix}-{n}" for n in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    seen, token = [], None
    while True:
        extra = {"ContinuationToken": token} if token else {}
        answer = s3.list_buckets(MaxBuckets=2, Prefix=prefix, **extra)
        assert len(answer["Buckets"]) <= 2
        seen += [entry["Name"] for entry in answer["Buckets"]]
        token = answer.get("ContinuationToken")
        if not token:
            break
    assert seen == names
    for name in names:
        s3.delete_bucket(Bucket=name)


def test_location(s3, bucket):
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] in (None, "us-east-1")
    name = unique("far")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    s3.delete_bucket(Bucket=name)


def test_creating_a_bucket_twice(s3, bucket):
    # S3 answers 200 to the owner in us-east-1 and 409 elsewhere
    # (CreateBucket, "BucketAlreadyOwnedByYou").
    try:
        s3.create_bucket(Bucket=bucket)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass


@pytest.mark.parametrize("name", ["ab", "Upper-Case", "under_score", "a..b", "192.168.1.1", "-dash", "a" * 64])
def test_bad_names(s3, name):
    # The client's own check would hide the server's.
    s3.meta.events.unregister("before-parameter-build.s3", _validate_bucket_name())
    try:
        with refused("InvalidBucketName", 400):
            s3.create_bucket(Bucket=name)
    finally:
        s3.meta.events.register("before-parameter-build.s3", _validate_bucket_name())


def _validate_bucket_name():
    from botocore.handlers import validate_bucket_name
    return validate_bucket_name


def test_a_bucket_with_objects_stays(s3, bucket):
    s3.put_object(Bucket=bucket, Key="guest", Body=b"in")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="guest")["Body"].read() == b"in"


def test_a_bucket_with_only_a_delete_marker_stays(s3):
    name = unique("marker")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(Bucket=name, Key="ghost")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=name)
    empty_and_delete(s3, name)


def test_versioning_state(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for state in ("Enabled", "Suspended", "Enabled"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": state})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == state


def test_mfa_delete_is_not_accepted_and_ignored(s3, bucket):
    with refused("NotImplemented", 501):
        s3.put_bucket_versioning(
            Bucket=bucket, MFA="serial 123456",
            VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"})


def test_bucket_tags(s3, bucket):
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)
    tags = [{"Key": "floor", "Value": "3"}, {"Key": "Ünïcode", "Value": "prêt: +-=._/@"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    got = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert sorted(got, key=lambda tag: tag["Key"]) == sorted(tags, key=lambda tag: tag["Key"])
    s3.delete_bucket_tagging(Bucket=bucket)
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)


def test_bucket_acl_is_the_owners(s3, bucket):
    # Clients such as s3cmd read it; the default is the owner's full control.
    acl = s3.get_bucket_acl(Bucket=bucket)
    assert acl["Owner"]["ID"]
    assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL"]
