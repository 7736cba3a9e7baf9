"""CORS: the configuration, preflights, and the headers of plain answers."""

import pytest

from errors import refused
from test_presigned import code, request, signer  # noqa: F401 (a fixture)

RULES = [
    {"ID": "site", "AllowedOrigins": ["https://*.example.org", "https://example.org"], "AllowedMethods": ["GET", "PUT"],
     "AllowedHeaders": ["x-amz-*", "content-type"], "ExposeHeaders": ["ETag", "x-amz-version-id"], "MaxAgeSeconds": 300},
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]


@pytest.fixture
def shared(s3, bucket):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    return bucket


def preflight(server, bucket, origin, method, headers=None):
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = headers
    return request("OPTIONS", f"{server.s3}/{bucket}/k?", headers=asked)


def test_configuration(s3, bucket):
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES
    s3.delete_bucket_cors(Bucket=bucket)
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)


def test_bad_configuration(s3, bucket):
    with refused("InvalidRequest", 400):
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [
            {"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]}]})
    with refused("InvalidRequest", 400):
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [
            {"AllowedOrigins": ["https://*.*"], "AllowedMethods": ["GET"]}]})


def test_preflight(server, shared):
    status, headers, _ = preflight(server, shared, "https://www.example.org", "PUT", "Content-Type, X-Amz-Date")
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == "https://www.example.org"
    assert "PUT" in headers["Access-Control-Allow-Methods"]
    assert headers["Access-Control-Allow-Headers"].lower().replace(" ", "") == "content-type,x-amz-date"
    assert headers["Access-Control-Max-Age"] == "300"
    assert "Origin" in headers["Vary"]
    status, headers, _ = preflight(server, shared, "https://anywhere.net", "HEAD")
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")


@pytest.mark.parametrize("origin,method,headers", [
    ("https://example.net", "PUT", None), ("https://example.org", "DELETE", None), ("https://example.org", "PUT", "x-other"),
])
def test_refused_preflight(server, shared, origin, method, headers):
    status, answered, body = preflight(server, shared, origin, method, headers)
    assert (status, code(body)) == (403, "AccessForbidden")
    assert "Access-Control-Allow-Origin" not in answered


def test_preflight_without_configuration(server, bucket):
    status, _, body = preflight(server, bucket, "https://example.org", "GET")
    assert (status, code(body)) == (403, "AccessForbidden")


def test_preflight_without_its_headers(server, shared):
    status, _, body = request("OPTIONS", f"{server.s3}/{shared}/k?")
    assert (status, code(body)) == (400, "BadRequest")


def test_plain_answers_carry_the_headers(signer, s3, shared):  # noqa: F811
    s3.put_object(Bucket=shared, Key="k", Body=b"x")
    url = signer.generate_presigned_url("get_object", {"Bucket": shared, "Key": "k"})
    status, headers, _ = request("GET", url, headers={"Origin": "https://example.org"})
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == "https://example.org"
    exposed = headers["Access-Control-Expose-Headers"].lower().replace(" ", "").split(",")
    assert "etag" in exposed
    status, headers, _ = request("GET", url, headers={"Origin": "https://example.net"})
    assert status == 200 and "Access-Control-Allow-Origin" not in headers
    status, headers, _ = request("GET", url)
    assert "Access-Control-Allow-Origin" not in headers
