"""Run the Python blocks of Markdown pages: ``python .ci/run_pages.py README.md docs/state.md``.

The blocks of a page run in their order in one fresh process, from an empty folder.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def program(page: Path) -> str:
    """Join the blocks of a page, on the lines where they stand in it.

    Args:
        page: Markdown file.

    Returns:
        Python source whose line numbers are those of the page.

    Raises:
        ValueError: If the page has no block.
    """
    text = page.read_text(encoding="utf-8")
    lines: list[str] = []
    for match in _BLOCK.finditer(text):
        start = text.count("\n", 0, match.start(1))
        lines += [""] * (start - len(lines)) + match.group(1).splitlines()
    if not lines:
        raise ValueError(f"{page}: no python block")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Run every page; exit status 1 when one fails."""
    failed = []
    for name in arguments:
        page = Path(name).resolve()
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / f"{page.stem}.py"
            script.write_text(program(page), encoding="utf-8")
            done = subprocess.run(
                [sys.executable, script.name], cwd=folder, capture_output=True, text=True
            )
        print(f"{name}: {'passed' if done.returncode == 0 else 'FAILED'}, ", end="")
        print(f"{time.monotonic() - started:.1f} s")
        if done.returncode != 0:
            print(done.stdout + done.stderr)
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
