"""What is not there says so: nothing a client relies on for safety is
accepted and ignored."""

import datetime

import pytest

from conftest import ours_only
from errors import refused

LOCK = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": datetime.datetime(2040, 1, 1)}

CALLS = {
    "put_bucket_policy": {"Policy": "{}"},
    "put_bucket_lifecycle_configuration": {"LifecycleConfiguration": {"Rules": [
        {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}},
    "put_bucket_encryption": {"ServerSideEncryptionConfiguration": {"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}},
    "put_bucket_website": {"WebsiteConfiguration": {"IndexDocument": {"Suffix": "index.html"}}},
    "put_bucket_notification_configuration": {"NotificationConfiguration": {}},
    "put_bucket_replication": {"ReplicationConfiguration": {"Role": "r", "Rules": [
        {"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::b"}}]}},
    "put_bucket_logging": {"BucketLoggingStatus": {}},
    "put_bucket_accelerate_configuration": {"AccelerateConfiguration": {"Status": "Enabled"}},
    "put_bucket_request_payment": {"RequestPaymentConfiguration": {"Payer": "Requester"}},
    "put_object_lock_configuration": {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
    "put_public_access_block": {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}},
    "put_bucket_ownership_controls": {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
}


@pytest.mark.parametrize("call", CALLS)
def test_bucket_settings(s3, bucket, call):
    ours_only()
    with refused("NotImplemented", 501):
        getattr(s3, call)(Bucket=bucket, **CALLS[call])


OBJECT_CALLS = {
    "put_object_retention": {"Retention": {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.datetime(2040, 1, 1)}},
    "put_object_legal_hold": {"LegalHold": {"Status": "ON"}},
    "get_object_torrent": {},
    "restore_object": {"RestoreRequest": {"Days": 1}},
    "select_object_content": {"Expression": "select 1", "ExpressionType": "SQL",
                              "InputSerialization": {"CSV": {}}, "OutputSerialization": {"CSV": {}}},
}


@pytest.mark.parametrize("call", OBJECT_CALLS)
def test_object_calls(s3, bucket, call):
    ours_only()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("NotImplemented", 501):
        getattr(s3, call)(Bucket=bucket, Key="k", **OBJECT_CALLS[call])


PUT_EXTRAS = {
    "encryption": {"ServerSideEncryption": "AES256"},
    "encryption by key": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k"},
    "lock": LOCK,
    "legal hold": {"ObjectLockLegalHoldStatus": "ON"},
    "acl": {"ACL": "public-read"},
    "grant": {"GrantRead": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'},
    "append": {"WriteOffsetBytes": 1},
}


@pytest.mark.parametrize("extra", PUT_EXTRAS)
def test_put_with(s3, bucket, extra):
    ours_only()
    with refused("NotImplemented", 501):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **PUT_EXTRAS[extra])
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("extra", ["encryption", "lock", "acl"])
def test_multipart_with(s3, bucket, extra):
    ours_only()
    with refused("NotImplemented", 501):
        s3.create_multipart_upload(Bucket=bucket, Key="k", **PUT_EXTRAS[extra])
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_customer_keys(server, bucket):
    ours_only()
    # boto3 wants TLS for this header, so it goes in by hand.
    from conftest import make_client
    client = make_client(server.s3)
    client.meta.events.register(
        "before-sign.s3.PutObject",
        lambda request, **_: request.headers.add_header("x-amz-server-side-encryption-customer-algorithm", "AES256"))
    with refused("NotImplemented", 501):
        client.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_buckets_with_lock(s3):
    ours_only()
    with refused("NotImplemented", 501):
        s3.create_bucket(Bucket="locked-away-bucket", ObjectLockEnabledForBucket=True)
    with refused("404"):
        s3.head_bucket(Bucket="locked-away-bucket")


def test_public_bucket_acl(s3, bucket):
    ours_only()
    with refused("NotImplemented", 501):
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")


@pytest.mark.parametrize("call,code", [
    ("get_bucket_policy", "NoSuchBucketPolicy"),
    ("get_bucket_policy_status", "NoSuchBucketPolicy"),
    ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
    ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"),
    ("get_bucket_website", "NoSuchWebsiteConfiguration"),
    ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
])
def test_reading_settings_that_cannot_be_set(s3, bucket, call, code):
    """Either is honest: there is none, or there can be none."""
    with pytest.raises(s3.exceptions.ClientError) as caught:
        getattr(s3, call)(Bucket=bucket)
    assert caught.value.response["Error"]["Code"] in (code, "NotImplemented")


def test_reading_settings_that_are_empty(s3, bucket):
    for call in ["get_bucket_notification_configuration", "get_bucket_logging",
                 "get_bucket_accelerate_configuration"]:
        answer = getattr(s3, call)(Bucket=bucket)
        assert set(answer) == {"ResponseMetadata"}, answer
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"


def test_what_s3_has_had_since(s3, bucket):
    """A sub-resource that is not known must not be taken for the bucket."""
    with refused("NotImplemented", 501):
        s3.get_bucket_abac(Bucket=bucket)
    with refused("NotImplemented", 501):
        s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Enabled"})
