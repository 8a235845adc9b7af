"""Machine code on disk is used again, and never after any file of the core has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cwm_gym.core
from cwm_gym.core.jit import core_fingerprint

CORE = Path(cwm_gym.core.__file__).parent
FILES = sorted(path.relative_to(CORE).as_posix() for path in CORE.rglob("*.py"))

FINGERPRINT = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("jit", sys.argv[1] + "/jit.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for line in sys.stdin:
    path = sys.argv[1] + "/" + line.strip()
    text = open(path).read()
    open(path, "w").write(text + "# edited\\n")
    module.core_fingerprint.cache_clear()
    print(module.core_fingerprint())
    open(path, "w").write(text)
module.core_fingerprint.cache_clear()
print(module.core_fingerprint())
"""

ENTRY = """
import numpy as np
from cwm_gym.core.kernel import demand_curve
from cwm_gym.core.records import PARAMS
params = np.zeros(1, PARAMS)
params["demand"]["level_rps"] = 7.0
rates = np.zeros(1)
demand_curve(params, np.zeros(1), 0, np.zeros(1), rates)
hits = sum(demand_curve.stats.cache_hits.values())
print(rates[0], hits)
"""


def copied(tmp_path: Path) -> Path:
    target = tmp_path / "cwm_gym" / "core"
    shutil.copytree(CORE, target, ignore=shutil.ignore_patterns("__pycache__"))
    (target.parent / "__init__.py").write_text("")
    return target


def test_an_edit_of_any_file_changes_the_fingerprint(tmp_path: Path) -> None:
    core = copied(tmp_path)
    result = subprocess.run(
        [sys.executable, "-c", FINGERPRINT, str(core)],
        input="\n".join(FILES),
        capture_output=True,
        text=True,
        check=True,
    )
    *edited, last = result.stdout.split()
    assert last == core_fingerprint()
    assert len(edited) == len(FILES)
    assert len({*edited, last}) == len(FILES) + 1


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("demand.py", "return max(0.0, level * factor)", "return 1.0 + level * factor", 8.0),
        ("demand.py", "level = demand.level_rps", "level = demand.level_rps + 2.0", 9.0),
    ],
)
def test_an_edited_callee_in_another_file_is_noticed(
    tmp_path: Path, file: str, old: str, new: str, expected: float
) -> None:
    core = copied(tmp_path)
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def run() -> tuple[float, int]:
        result = subprocess.run(
            [sys.executable, "-c", ENTRY],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        value, hits = result.stdout.split()
        return float(value), int(hits)

    assert run() == (7.0, 0)
    assert run() == (7.0, 1)
    text = (core / file).read_text()
    assert text.count(old) == 1
    (core / file).write_text(text.replace(old, new))
    assert run() == (expected, 0)
    assert run() == (expected, 1)
