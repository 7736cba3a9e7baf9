"""Presigned URLs, used by a plain HTTP client."""

import datetime
import http.client
import urllib.parse
import xml.etree.ElementTree

import botocore.auth
import botocore.crt.auth
import pytest

from conftest import make_client


def request(method, url, body=None, headers=None):
    """Sends exactly this URL; gives status, headers and body."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def code(body):
    return xml.etree.ElementTree.fromstring(body).findtext("Code")


@pytest.fixture
def signer(server):
    return make_client(server.s3, signature_version="s3v4")


def test_get_and_put(signer, s3, bucket):
    named = {"Bucket": bucket, "Key": "a b/ü+%"}
    status, headers, _ = request("PUT", signer.generate_presigned_url("put_object", named), b"by url")
    assert status == 200 and headers["ETag"]
    status, headers, body = request("GET", signer.generate_presigned_url("get_object", named))
    assert (status, body) == (200, b"by url")
    status, _, body = request("HEAD", signer.generate_presigned_url("head_object", named))
    assert (status, body) == (200, b"")
    status, _, _ = request("DELETE", signer.generate_presigned_url("delete_object", named))
    assert status == 204
    status, _, body = request("GET", signer.generate_presigned_url("get_object", named))
    assert (status, code(body)) == (404, "NoSuchKey")


def test_overrides_and_ranges(signer, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    url = signer.generate_presigned_url("get_object", {
        "Bucket": bucket, "Key": "k", "ResponseContentType": "text/x", "ResponseContentDisposition": "attachment; filename=\"a b\""})
    status, headers, body = request("GET", url, headers={"Range": "bytes=2-4"})
    assert (status, body) == (206, b"234")
    assert headers["Content-Type"] == "text/x"
    assert headers["Content-Disposition"] == 'attachment; filename="a b"'


def test_signed_headers_must_come(signer, bucket):
    url = signer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k", "ContentType": "text/signed"})
    status, _, body = request("PUT", url, b"x", {"Content-Type": "text/other"})
    assert (status, code(body)) == (403, "SignatureDoesNotMatch")
    assert request("PUT", url, b"x", {"Content-Type": "text/signed"})[0] == 200


def test_what_was_not_signed_is_refused(signer, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    for changed in (url.replace("/k?", "/other?"), url + "&versionId=null", url[:-1] + ("0" if url[-1] != "0" else "1")):
        status, _, body = request("GET", changed)
        assert (status, code(body)) == (403, "SignatureDoesNotMatch"), changed
    status, _, body = request("DELETE", url)
    assert (status, code(body)) == (403, "SignatureDoesNotMatch")


def at(monkeypatch, moment):
    """Lets botocore sign as if it were `moment`, with its own code or awscrt's."""
    def clock(remove_tzinfo=True):
        return moment.replace(tzinfo=None) if remove_tzinfo else moment

    for module in (botocore.auth, botocore.crt.auth):
        monkeypatch.setattr(module, "get_current_datetime", clock)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def test_expired(signer, bucket, monkeypatch):
    at(monkeypatch, now() - datetime.timedelta(seconds=120))
    url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    status, _, body = request("GET", url)
    assert (status, code(body)) == (403, "AccessDenied")
    assert b"expired" in body.lower()


def test_still_good_after_the_skew_limit(signer, s3, bucket, monkeypatch):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    at(monkeypatch, now() - datetime.timedelta(hours=2))
    url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=86400)
    assert request("GET", url)[0] == 200


def test_longer_than_a_week(signer, bucket):
    url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=604801)
    status, _, body = request("GET", url)
    assert (status, code(body)) == (400, "AuthorizationQueryParametersError")


def test_skewed_clock_in_the_header(s3, bucket, monkeypatch):
    at(monkeypatch, now() - datetime.timedelta(minutes=20))
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.list_objects_v2(Bucket=bucket)
    assert caught.value.response["Error"]["Code"] == "RequestTimeTooSkewed"


def test_anonymous_is_denied(server, bucket):
    status, _, body = request("GET", f"{server.s3}/{bucket}/k?")
    assert (status, code(body)) == (403, "AccessDenied")


def test_wrong_keys(server, bucket):
    for keys, expected in [({"access_key": "NOSUCHKEY0000000000"}, "InvalidAccessKeyId"),
                           ({"secret_key": "wrong"}, "SignatureDoesNotMatch")]:
        client = make_client(server.s3, **keys)
        with pytest.raises(client.exceptions.ClientError) as caught:
            client.list_objects_v2(Bucket=bucket)
        assert caught.value.response["Error"]["Code"] == expected
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_signed_payload_and_unsigned_payload(server, s3, bucket):
    for signing in (True, False):
        client = make_client(server.s3, s3={"addressing_style": "path", "payload_signing_enabled": signing})
        client.put_object(Bucket=bucket, Key="k", Body=b"payload")
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"payload"


def test_presigned_multipart(signer, s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    url = signer.generate_presigned_url("upload_part", {
        "Bucket": bucket, "Key": "m", "UploadId": upload, "PartNumber": 1})
    status, headers, _ = request("PUT", url, b"part by url")
    assert status == 200
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": headers["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == b"part by url"
