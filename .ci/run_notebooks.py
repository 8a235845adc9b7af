"""Run every notebook of a folder from top to bottom: ``python .ci/run_notebooks.py notebooks``."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

LONGEST_S = 60


def main(arguments: Sequence[str]) -> int:
    """Run the notebooks; exit status 1 when one fails, takes too long or shows no picture."""
    failed = 0
    for path in sorted(Path(arguments[0]).glob("*.ipynb")):
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
        started = time.monotonic()
        problem = ""
        with tempfile.TemporaryDirectory() as folder:
            client = NotebookClient(
                book,
                timeout=LONGEST_S,
                kernel_name="python3",
                resources={"metadata": {"path": folder}},
            )
            try:
                client.execute()
            except (CellExecutionError, TimeoutError) as error:
                problem = str(error)
        outputs = [one for cell in book.cells for one in cell.get("outputs", [])]
        if not problem and not any("image/png" in one.get("data", {}) for one in outputs):
            problem = "no picture"
        took = time.monotonic() - started
        print(f"{path.name}: {problem or 'passed'}, {took:.1f} s")
        failed += bool(problem)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
