"""ListObjects, versions 1 and 2."""

import pytest

from errors import refused

KEYS = sorted([
    "a", "a/", "a/1", "a/2", "a/b/3", "a/b/4", "b", "c/1", "d d", "e+f", "g%2F", "z/ü/1", "z/日本/2", "~last",
], key=lambda key: key.encode())


@pytest.fixture(scope="module")
def filled(s3):
    from conftest import empty_and_delete, unique
    name = unique("listing")
    s3.create_bucket(Bucket=name)
    for key in KEYS:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    yield name
    empty_and_delete(s3, name)


def rolled(prefix, delimiter, after=""):
    """What S3 defines: keys, and prefixes up to the delimiter, in one order."""
    items = []
    for key in KEYS:
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        item = ("prefix", key[:at + len(delimiter)]) if at >= 0 else ("key", key)
        if item not in items:
            items.append(item)
    return [item for item in items if item[1].encode() > after.encode()]


def both(answer):
    items = [("key", e["Key"]) for e in answer.get("Contents", [])]
    items += [("prefix", p["Prefix"]) for p in answer.get("CommonPrefixes", [])]
    return sorted(items, key=lambda item: item[1].encode())


CASES = [("", ""), ("", "/"), ("a", ""), ("a/", "/"), ("a/b/", "/"), ("z/", "/"), ("nobody", "/"), ("a", "b/"), ("", " ")]


@pytest.mark.parametrize("prefix,delimiter", CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_v2(s3, filled, prefix, delimiter, size):
    seen, token = [], None
    while True:
        extra = {"ContinuationToken": token} if token else {}
        answer = s3.list_objects_v2(Bucket=filled, Prefix=prefix, Delimiter=delimiter, MaxKeys=size, **extra)
        page = both(answer)
        assert len(page) == answer["KeyCount"] <= size
        seen += page
        if not answer["IsTruncated"]:
            break
        token = answer["NextContinuationToken"]
    assert seen == rolled(prefix, delimiter)


@pytest.mark.parametrize("prefix,delimiter", CASES)
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_v1(s3, filled, prefix, delimiter, size):
    seen, marker = [], ""
    while True:
        answer = s3.list_objects(Bucket=filled, Prefix=prefix, Delimiter=delimiter, MaxKeys=size, Marker=marker)
        page = both(answer)
        seen += page
        if not answer["IsTruncated"]:
            break
        # Without a delimiter S3 gives no NextMarker: the last key serves.
        marker = answer.get("NextMarker") or page[-1][1]
    assert seen == rolled(prefix, delimiter)


@pytest.mark.parametrize("after", ["a", "a/", "a/b", "b", "zzz", "\U0010ffff"])
def test_start_after(s3, filled, after):
    answer = s3.list_objects_v2(Bucket=filled, StartAfter=after)
    assert both(answer) == rolled("", "", after)
    assert answer["StartAfter"] == after


def test_fields(s3, filled):
    entry = s3.list_objects_v2(Bucket=filled, Prefix="b", FetchOwner=True)["Contents"][0]
    assert (entry["Key"], entry["Size"], entry["StorageClass"]) == ("b", 1, "STANDARD")
    assert entry["ETag"] == '"92eb5ffee6ae2fec3ad71c777531578f"'
    assert entry["Owner"]["ID"]
    assert "Owner" not in s3.list_objects_v2(Bucket=filled, Prefix="b")["Contents"][0]
    assert s3.list_objects(Bucket=filled, Prefix="b")["Contents"][0]["Owner"]["ID"]


def test_encoding_type_url(s3, filled):
    # Asking by hand turns off botocore's own decoding.
    answer = s3.list_objects_v2(Bucket=filled, EncodingType="url", Delimiter="/", Prefix="z/")
    assert answer["EncodingType"] == "url"
    prefixes = [p["Prefix"] for p in answer["CommonPrefixes"]]
    assert prefixes == ["z/%C3%BC/", "z/%E6%97%A5%E6%9C%AC/"]
    answer = s3.list_objects_v2(Bucket=filled, EncodingType="url", Prefix="e")
    assert answer["Contents"][0]["Key"] == "e%2Bf"


def test_zero_keys(s3, filled):
    answer = s3.list_objects_v2(Bucket=filled, MaxKeys=0)
    assert answer["KeyCount"] == 0 and not answer["IsTruncated"]


@pytest.mark.parametrize("query", [{"MaxKeys": -1}, {"ContinuationToken": "made up"}, {"EncodingType": "base64"}])
def test_bad_arguments(s3, filled, query):
    with refused("InvalidArgument", 400):
        s3.list_objects_v2(Bucket=filled, **query)


def test_more_than_a_thousand_at_once_gives_a_thousand(s3, filled):
    assert s3.list_objects_v2(Bucket=filled, MaxKeys=5000)["KeyCount"] == len(KEYS)
