"""A real tree up and down again with the clients people use, every byte compared."""

import concurrent.futures
import sys

import pytest

import programs
import tree
from conftest import make_client, unique
from programs import need, run
from server import ACCESS_KEY, REGION, SECRET_KEY

CONNECTIONS = 8
"""Of each client: two cores serve both sides."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    count = tree.build(folder)
    assert len(tree.names(folder)) == count
    return folder


@pytest.fixture(params=["pypi", "debian"])
def aws(request, server, tmp_path):
    program = programs.aws(request.param)
    config = tmp_path / "aws-config"
    config.write_text(
        f"[default]\ns3 =\n  max_concurrent_requests = {CONNECTIONS}\n  addressing_style = path\n"
        # Version 1 still presigns for endpoints that it does not know with signature version 2.
        "  signature_version = s3v4\n")
    environment = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": str(config), "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true",
        # Debian's Python prints odd names only in a UTF-8 locale.
        "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1",
    }
    return lambda *words: run(program, "--endpoint-url", server.s3, *words, **environment)


def test_aws_sync(aws, files, bucket, tmp_path):
    back = tmp_path / "back"
    aws("s3", "sync", "--only-show-errors", files, f"s3://{bucket}/t")
    aws("s3", "sync", "--only-show-errors", f"s3://{bucket}/t", back)
    tree.assert_same(files, back)
    # Nothing is left to do either way.
    assert aws("s3", "sync", f"s3://{bucket}/t", back) == ""
    (back / "new file").write_text("new")
    assert "new file" in aws("s3", "sync", "--no-progress", "--delete", back, f"s3://{bucket}/t")
    count = len(tree.names(back))
    assert f"Total Objects: {count}" in aws("s3", "ls", "--recursive", "--summarize", f"s3://{bucket}/t/")


def test_aws_commands(aws, bucket, tmp_path):
    (tmp_path / "f").write_text("one trunk, two hat boxes\n")
    other = unique("cli")
    aws("s3", "mb", f"s3://{other}")
    aws("s3", "cp", "--no-progress", tmp_path / "f", f"s3://{bucket}/room/list.txt")
    assert aws("s3", "cp", f"s3://{bucket}/room/list.txt", "-") == "one trunk, two hat boxes\n"
    assert "list.txt" in aws("s3", "ls", f"s3://{bucket}/room/")
    aws("s3", "mv", f"s3://{bucket}/room/list.txt", f"s3://{other}/list.txt")
    assert "list.txt" not in aws("s3", "ls", "--recursive", f"s3://{bucket}")
    url = aws("s3", "presign", f"s3://{other}/list.txt").strip()
    assert run(need("curl"), "-sS", "--fail", url) == "one trunk, two hat boxes\n"
    assert '"ContentLength": 25' in aws("s3api", "head-object", "--bucket", other, "--key", "list.txt")
    aws("s3", "rb", "--force", f"s3://{other}")


def test_boto3(server, files, bucket, tmp_path):
    client = make_client(server.s3, max_pool_connections=CONNECTIONS)
    names = sorted(tree.names(files))

    def upload(name):
        client.upload_file(str(files / name), bucket, name)

    def download(name):
        target = tmp_path / "back" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, name, str(target))

    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(upload, names))
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        listed = {entry["Key"]: entry["Size"] for page in pages for entry in page["Contents"]}
        assert listed == {name: (files / name).stat().st_size for name in names}
        # In the order of UTF-8 (ListObjectsV2), which is Python's own.
        assert list(listed) == names
        list(pool.map(download, listed))
    tree.assert_same(files, tmp_path / "back")


def test_rclone(server, files, bucket, tmp_path):
    program = need("rclone")
    environment = {
        "RCLONE_CONFIG": str(tmp_path / "rclone.conf"), "RCLONE_CONFIG_C_TYPE": "s3",
        "RCLONE_CONFIG_C_PROVIDER": "Other", "RCLONE_CONFIG_C_ENDPOINT": server.s3, "RCLONE_CONFIG_C_REGION": REGION,
        "RCLONE_CONFIG_C_ACCESS_KEY_ID": ACCESS_KEY, "RCLONE_CONFIG_C_SECRET_ACCESS_KEY": SECRET_KEY,
        "RCLONE_CONFIG_C_CHUNK_SIZE": "5Mi", "RCLONE_CONFIG_C_UPLOAD_CUTOFF": "6Mi",
    }
    (tmp_path / "rclone.conf").touch()

    def rclone(*words):
        return run(program, "--transfers", CONNECTIONS, "--checkers", CONNECTIONS, *words, **environment)

    rclone("sync", files, f"c:{bucket}/t")
    rclone("check", files, f"c:{bucket}/t")
    rclone("check", "--download", files / "odd names", f"c:{bucket}/t/odd names")
    rclone("sync", f"c:{bucket}/t", tmp_path / "back")
    tree.assert_same(files, tmp_path / "back")
    rclone("copyto", f"c:{bucket}/t/odd names/big.bin", f"c:{bucket}/copied")
    rclone("purge", f"c:{bucket}/t")
    assert rclone("lsf", "-R", f"c:{bucket}").split() == ["copied"]


def test_s3cmd(server, files, bucket, tmp_path):
    address = server.s3.removeprefix("http://")
    (tmp_path / "s3cfg").write_text(
        f"[default]\naccess_key = {ACCESS_KEY}\nsecret_key = {SECRET_KEY}\nhost_base = {address}\n"
        f"host_bucket = {address}\nuse_https = False\nbucket_location = {REGION}\nsignature_v2 = False\n"
        "multipart_chunk_size_mb = 5\n")
    program = programs.beside_python("s3cmd")

    def s3cmd(*words):
        return run(sys.executable, program, "-c", tmp_path / "s3cfg", "--no-progress", *words, LC_ALL="C.UTF-8")

    s3cmd("sync", f"{files}/", f"s3://{bucket}/t/")
    s3cmd("sync", f"s3://{bucket}/t/", f"{tmp_path}/back/")
    tree.assert_same(files, tmp_path / "back")
    assert bucket in s3cmd("info", f"s3://{bucket}")
    s3cmd("put", files / "odd names" / "big.bin", f"s3://{bucket}/big")
    assert "big" in s3cmd("ls", f"s3://{bucket}")
    s3cmd("cp", f"s3://{bucket}/big", f"s3://{bucket}/big2")
    s3cmd("setacl", "--acl-private", f"s3://{bucket}/big2")
    s3cmd("del", "--recursive", "--force", f"s3://{bucket}/t/")
    left = s3cmd("ls", "-r", f"s3://{bucket}").splitlines()
    assert sorted(line.split("/")[-1] for line in left) == ["big", "big2"]
