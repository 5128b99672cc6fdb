"""Outputs that appear under their names only once they are complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["check_place", "check_room", "listed", "replacing", "staged"]

PathLike = str | os.PathLike[str]


@contextmanager
def staged(path: PathLike, *, ending: str = ".tmp") -> Iterator[Path]:
    """Hand out a temporary path beside `path`, which takes its place if all goes well.

    What is written there may be a file or a folder. If the block raises, it is removed, and `path`
    stays as it was. If `path` is a link, what it points to is replaced.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".boxel-{os.urandom(8).hex()}{ending}")
    try:
        yield temporary
        if temporary.is_dir():
            _replace_folder(temporary, target)
        else:
            if target.exists():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _replace_folder(temporary: Path, target: Path) -> None:
    # A folder cannot take the place of one that is not empty.
    if not target.exists():
        os.rename(temporary, target)
        return
    old = target.with_name(f".boxel-{os.urandom(8).hex()}.old")
    os.rename(target, old)
    try:
        os.rename(temporary, target)
    except BaseException:
        os.rename(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def replacing(path: PathLike) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only once it is complete.

    Parameters
    ----------
    path : path-like
        The file to create or replace. If it is a link, the file it points to is replaced.

    Yields
    ------
    binary file
        Write the contents to it. If the block raises, `path` stays as it was.
    """
    with staged(path) as temporary, temporary.open("xb") as stream:
        yield stream


def check_place(path: Path, *, overwrite: bool, is_folder: bool = False) -> None:
    """Refuse a path where nothing could be written."""
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"cannot write {path}: {folder} is not an existing folder")
    if path.exists():
        if is_folder and not (path.is_dir() and _is_store(path)):
            raise FileExistsError(f"cannot write {path}: it exists and is no Zarr store")
        if not is_folder and not path.is_file():
            raise IsADirectoryError(f"cannot write {path}: it is not a regular file")
        if not overwrite:
            raise FileExistsError(f"cannot write {path}: it exists already")
    if not os.access(Path(os.path.realpath(path)).parent, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write {path}: {folder} is not writable")


def _is_store(path: Path) -> bool:
    """Tell whether a folder is a Zarr store, or empty: no other one is ever removed."""
    names = {each.name for each in path.iterdir()}
    return not names or bool(names & {".zarray", ".zgroup", "zarr.json"})


def check_room(path: Path, size: int) -> None:
    """Refuse an output for which the disk has no room, before any of it is written."""
    free = shutil.disk_usage(Path(os.path.realpath(path)).parent).free
    if size > free:
        raise OSError(f"cannot write {path}: it needs {size} bytes, and the disk has {free} free")


def listed(words: Sequence[str]) -> str:
    """Return words as in a sentence."""
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)
