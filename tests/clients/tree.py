"""A real tree of files to carry up and down: the Rust documentation.

It comes with the toolchain, tens of thousands of files of all sizes in deep
folders. A minimal toolchain lacks it; then the sources of the crates that cargo
has fetched do as well. `CONCIERGE_TREE_FILES` bounds the number of files (3,000
unless set; 0 takes all). What is taken is the same on every run.
"""

import filecmp
import os
import pathlib
import random
import shutil
import subprocess

from server import ROOT

DEFAULT_FILES = 3000
ENOUGH_FILES = 3000
"""A tree of fewer is not the real thing."""
MIB = 1 << 20


def candidates():
    """Trees to take files from, the best first."""
    shown = subprocess.run(
        ["rustc", "--print", "sysroot"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    sysroot = pathlib.Path(shown.strip())
    for toolchain in (sysroot, *sorted(sysroot.parent.iterdir())):
        yield toolchain / "share" / "doc" / "rust" / "html"
    cargo = pathlib.Path(os.environ.get("CARGO_HOME") or pathlib.Path.home() / ".cargo")
    yield cargo / "registry" / "src"


def source() -> tuple[pathlib.Path, list[pathlib.Path]]:
    """The first candidate that has enough files, and these in order."""
    tried = []
    for root in candidates():
        files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        if len(files) >= ENOUGH_FILES:
            return root, files
        tried.append(f"{root} ({len(files)} files)")
    raise FileNotFoundError(f"no tree of {ENOUGH_FILES} files in {', '.join(tried)}")


def build(destination: pathlib.Path, limit: int | None = None) -> int:
    """Copies up to `limit` files into `destination`; gives how many are there.

    Takes every n-th file of the sorted tree, so that all its corners come in:
    small and large files, deep folders, odd names.
    """
    root, files = source()
    if limit is None:
        limit = int(os.environ.get("CONCIERGE_TREE_FILES", DEFAULT_FILES)) or len(files)
    chosen = files[::max(1, len(files) // limit)][:limit]
    for path in chosen:
        target = destination / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return len(chosen) + extras(destination)


def extras(destination: pathlib.Path) -> int:
    """Names and sizes that a documentation tree lacks; gives how many."""
    odd = destination / "odd names"
    odd.mkdir(parents=True)
    names = ("ünïcødé 日本.txt", "plus+and&and=.txt", "percent%20.txt", "quote'.txt", "hash#tag;semi.txt", "~tilde")
    for name in names:
        (odd / name).write_bytes(name.encode())
    (odd / "empty").write_bytes(b"")
    # Over every client's limit for one request (5 to 16 MiB): it goes in parts.
    (odd / "big.bin").write_bytes(random.Random(1).randbytes(17 * MIB + 1))
    return len(names) + 2


def names(folder: pathlib.Path) -> set[str]:
    """All files below `folder`, as paths relative to it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def assert_same(left: pathlib.Path, right: pathlib.Path):
    """Every file on both sides, byte for byte."""
    here, there = names(left), names(right)
    assert here == there, sorted(here ^ there)[:10]
    _, different, unreadable = filecmp.cmpfiles(left, right, sorted(here), shallow=False)
    assert not different and not unreadable, (different[:10], unreadable[:10])
