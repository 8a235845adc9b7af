"""Reads a text file whole, or says clearly why it cannot."""

from __future__ import annotations

from pathlib import Path

from cwm_gym.spec.errors import closest
from cwm_gym.workload.samples import unreadable


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without a byte-order mark.

    Args:
        path: The file.

    Returns:
        Its text.

    Raises:
        SpecError: If it is missing, not a file, not readable or not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise unreadable(str(path), "does not exist", _neighbours(path)) from None
    except IsADirectoryError:
        raise unreadable(str(path), "is a folder", "Name the file in it.") from None
    except OSError as error:
        raise unreadable(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise unreadable(str(path), "is not UTF-8 text", "Unpack or convert it first.") from None


def _neighbours(path: Path) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    except OSError:
        return f"The folder {path.parent} does not exist either."
    near = closest(path.name, names, 3)
    return f"In its folder: {', '.join(near)}." if near else "Its folder is empty."
