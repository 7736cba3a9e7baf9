"""A real tree up and down again with the clients people use, every byte compared."""

import os
import pathlib
import subprocess
import sys

import pytest

import tree
from conftest import missing, need, unique
from server import ACCESS_KEY, REGION, SECRET_KEY


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    tree.build(folder)
    return folder


@pytest.fixture(scope="module")
def few_files(tmp_path_factory):
    """s3cmd makes one request after another: a smaller tree does."""
    folder = tmp_path_factory.mktemp("few")
    tree.build(folder, 600)
    return folder


@pytest.fixture
def home(s3, bucket):
    return bucket


def run(*command, **environment):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, **environment})
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def aws_programs():
    """The newest from PyPI (beside this Python) and Debian's own, version 2."""
    return {"pypi": pathlib.Path(sys.executable).parent / "aws", "debian": pathlib.Path("/usr/bin/aws")}


@pytest.fixture(params=["pypi", "debian"])
def aws(request, server, tmp_path):
    program = aws_programs()[request.param]
    if not program.exists():
        missing(f"aws-cli ({request.param}) is not installed")
    config = tmp_path / "aws-config"
    # Few threads: two cores serve both sides.
    config.write_text("[default]\ns3 =\n  max_concurrent_requests = 8\n  addressing_style = path\n")
    environment = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": str(config), "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true",
        # Debian's Python prints odd names only in a UTF-8 locale.
        "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1",
    }
    return lambda *words: run(program, "--endpoint-url", server.s3, *words, **environment)


def test_aws_sync(aws, files, home, tmp_path):
    back = tmp_path / "back"
    aws("s3", "sync", "--only-show-errors", files, f"s3://{home}/t")
    aws("s3", "sync", "--only-show-errors", f"s3://{home}/t", back)
    tree.assert_same(files, back)
    # Nothing is left to do either way.
    assert aws("s3", "sync", f"s3://{home}/t", back) == ""
    (back / "new file").write_text("new")
    assert "new file" in aws("s3", "sync", "--no-progress", "--delete", back, f"s3://{home}/t")
    count = sum(1 for path in back.rglob("*") if path.is_file())
    assert f"Total Objects: {count}" in aws("s3", "ls", "--recursive", "--summarize", f"s3://{home}/t/")


def test_aws_commands(aws, home, tmp_path):
    (tmp_path / "f").write_text("one trunk, two hat boxes\n")
    other = unique("cli")
    aws("s3", "mb", f"s3://{other}")
    aws("s3", "cp", "--no-progress", tmp_path / "f", f"s3://{home}/room/list.txt")
    assert aws("s3", "cp", f"s3://{home}/room/list.txt", "-") == "one trunk, two hat boxes\n"
    assert "list.txt" in aws("s3", "ls", f"s3://{home}/room/")
    aws("s3", "mv", f"s3://{home}/room/list.txt", f"s3://{other}/list.txt")
    assert "list.txt" not in aws("s3", "ls", "--recursive", f"s3://{home}")
    url = aws("s3", "presign", f"s3://{other}/list.txt").strip()
    assert run(need("curl"), "-sS", "--fail", url) == "one trunk, two hat boxes\n"
    assert '"ContentLength": 25' in aws("s3api", "head-object", "--bucket", other, "--key", "list.txt")
    aws("s3", "rb", "--force", f"s3://{other}")


def test_rclone(server, files, home, tmp_path):
    program = need("rclone")
    environment = {
        "RCLONE_CONFIG": str(tmp_path / "rclone.conf"), "RCLONE_CONFIG_C_TYPE": "s3",
        "RCLONE_CONFIG_C_PROVIDER": "Other", "RCLONE_CONFIG_C_ENDPOINT": server.s3, "RCLONE_CONFIG_C_REGION": REGION,
        "RCLONE_CONFIG_C_ACCESS_KEY_ID": ACCESS_KEY, "RCLONE_CONFIG_C_SECRET_ACCESS_KEY": SECRET_KEY,
        "RCLONE_CONFIG_C_CHUNK_SIZE": "5Mi", "RCLONE_CONFIG_C_UPLOAD_CUTOFF": "6Mi",
    }
    (tmp_path / "rclone.conf").touch()
    rclone = lambda *words: run(program, "--transfers", "8", "--checkers", "8", *words, **environment)
    rclone("sync", files, f"c:{home}/t")
    rclone("check", files, f"c:{home}/t")
    rclone("check", "--download", files / "odd names", f"c:{home}/t/odd names")
    rclone("sync", f"c:{home}/t", tmp_path / "back")
    tree.assert_same(files, tmp_path / "back")
    rclone("copyto", f"c:{home}/t/odd names/big.bin", f"c:{home}/copied")
    rclone("purge", f"c:{home}/t")
    assert rclone("lsf", "-R", f"c:{home}").split() == ["copied"]


def test_s3cmd(server, few_files, home, tmp_path):
    program = pathlib.Path(sys.executable).parent / "s3cmd"
    program = str(program) if program.exists() else need("s3cmd")
    address = server.s3.removeprefix("http://")
    (tmp_path / "s3cfg").write_text(
        f"[default]\naccess_key = {ACCESS_KEY}\nsecret_key = {SECRET_KEY}\nhost_base = {address}\n"
        f"host_bucket = {address}\nuse_https = False\nbucket_location = {REGION}\nsignature_v2 = False\n"
        "multipart_chunk_size_mb = 5\n")
    s3cmd = lambda *words: run(sys.executable if program.startswith(sys.prefix) else program,
                               *([program] if program.startswith(sys.prefix) else []),
                               "-c", tmp_path / "s3cfg", "--no-progress", *words, LC_ALL="C.UTF-8")
    s3cmd("sync", f"{few_files}/", f"s3://{home}/t/")
    s3cmd("sync", f"s3://{home}/t/", f"{tmp_path}/back/")
    tree.assert_same(few_files, tmp_path / "back")
    assert home in s3cmd("info", f"s3://{home}")
    s3cmd("put", few_files / "odd names" / "big.bin", f"s3://{home}/big")
    assert "big" in s3cmd("ls", f"s3://{home}")
    s3cmd("cp", f"s3://{home}/big", f"s3://{home}/big2")
    s3cmd("setacl", "--acl-private", f"s3://{home}/big2")
    s3cmd("del", "--recursive", "--force", f"s3://{home}/t/")
    assert sorted(line.split("/")[-1] for line in s3cmd("ls", "-r", f"s3://{home}").splitlines()) == ["big", "big2"]
