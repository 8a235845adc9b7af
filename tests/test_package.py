"""The package as a whole: names, imports, layers, metadata."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pytest

import cwm_gym
from cwm_gym.registration import ENVIRONMENTS

PACKAGE = Path(cwm_gym.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return result.stdout.strip()


def imports(path: Path) -> set[str]:
    """Absolute names of everything a file imports when it is loaded."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_importing_registers_and_loads_nothing_heavy() -> None:
    heavy = [
        "numba",
        "pydantic",
        "matplotlib",
        "pandas",
        "stable_baselines3",
        "pygame",
        "PIL",
        "torch",
    ]
    code = f"import sys, cwm_gym; print([m for m in {heavy} if m in sys.modules])"
    assert run(code) == "[]"


def test_an_id_is_found_by_its_module_prefix() -> None:
    code = "import gymnasium as gym; print(gym.make('cwm_gym:CloudAutoscale-v0').spec.id)"
    assert run(code) == "CloudAutoscale-v0"


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_every_id_makes_both_kinds(env_id: str) -> None:
    single, several = gym.make(env_id), gym.make_vec(env_id, num_envs=2)
    single.reset(seed=0)
    several.reset(seed=0)
    assert several.single_observation_space == single.observation_space
    assert several.single_action_space == single.action_space
    single.close()
    several.close()


def test_public_names_exist() -> None:
    for name in cwm_gym.__all__:
        assert getattr(cwm_gym, name) is not None
        assert name in dir(cwm_gym)
    with pytest.raises(AttributeError):
        cwm_gym.no_such_name  # noqa: B018


def test_versions_agree() -> None:
    assert importlib.metadata.version("cwm-gym") == cwm_gym.__version__


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


CORE = [path for path in SOURCES if path.is_relative_to(PACKAGE / "core")]
SPEC = [path for path in SOURCES if path.is_relative_to(PACKAGE / "spec")]


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_core_imports_nothing_else_of_the_package(path: Path) -> None:
    ours = {name for name in imports(path) if name.split(".")[0] == "cwm_gym"}
    assert all(name.startswith("cwm_gym.core") for name in ours)


@pytest.mark.parametrize("path", SPEC, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_documents_stand_on_the_ground(path: Path) -> None:
    ours = {name for name in imports(path) if name.split(".")[0] == "cwm_gym"}
    assert all(name.startswith("cwm_gym.spec") for name in ours)


def test_only_the_core_imports_numba_and_nothing_below_the_environments_gymnasium() -> None:
    low = ("catalog", "spec", "workload", "core", "compiler", "scenarios")
    for path in SOURCES:
        room = path.relative_to(PACKAGE).parts[0]
        roots = {name.split(".")[0] for name in imports(path)}
        assert room == "core" or "numba" not in roots, path
        assert room not in low or "gymnasium" not in roots, path
