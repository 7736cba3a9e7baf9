"""A real tree of files to carry up and down: the Rust documentation that
comes with the toolchain, else the toolchain itself.

`CONCIERGE_TREE_FILES` bounds the number of files (default 3,000; 0 takes all,
tens of thousands). What is taken is the same on every run for one toolchain.
"""

import filecmp
import os
import pathlib
import shutil
import subprocess

DEFAULT_FILES = 3000


def source() -> pathlib.Path:
    """The tree to take files from."""
    sysroot = pathlib.Path(subprocess.run(
        ["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip())
    documents = sysroot / "share" / "doc"
    return documents if documents.is_dir() and sum(1 for _ in documents.rglob("*.html")) > 1000 else sysroot


def build(destination: pathlib.Path, limit: int | None = None) -> int:
    """Links (or copies) up to `limit` files into `destination`; gives how many.

    Takes every n-th file of the sorted tree, so that all its corners come in:
    small and large files, deep folders, odd names.
    """
    root = source()
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    limit = int(os.environ.get("CONCIERGE_TREE_FILES", DEFAULT_FILES)) if limit is None else limit
    step = max(1, len(files) // limit) if limit else 1
    chosen = files[::step][:limit or None]
    for path in chosen:
        target = destination / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    extras(destination)
    return len(chosen)


def extras(destination: pathlib.Path):
    """Names and sizes that a documentation tree lacks."""
    odd = destination / "odd names"
    odd.mkdir(parents=True)
    for name in ("ünïcødé 日本.txt", "plus+and&and=.txt", "percent%20.txt", "quote'.txt", "hash#tag;semi.txt", "~tilde"):
        (odd / name).write_bytes(name.encode())
    (odd / "empty").write_bytes(b"")
    (odd / "big.bin").write_bytes(os.urandom(1 << 20) * 17 + b"!")


def assert_same(left: pathlib.Path, right: pathlib.Path):
    """Every file on both sides, byte for byte."""
    names = [
        {str(path.relative_to(side)) for path in side.rglob("*") if path.is_file()} for side in (left, right)
    ]
    assert names[0] == names[1], sorted(names[0] ^ names[1])[:10]
    _, different, unreadable = filecmp.cmpfiles(left, right, sorted(names[0]), shallow=False)
    assert not different and not unreadable, (different[:10], unreadable[:10])
