from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cwm_gym.testing.kubernetes import FITTED, Cell, Outcome, errors, medians, predict, read_runs

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# Single cells of the measurements that FITTED was not fitted to; see cwm_gym.testing.kubernetes.
HELD_OUT: dict[Cell, Outcome] = {
    (1, 50.0): Outcome(0.0096, 0.0129, 0.324, 0.0),
    (2, 99.0): Outcome(0.0093, 0.0258, 0.344, 0.0),
    (3, 115.0): Outcome(0.0103, 0.0134, 0.292, 0.0),
    (3, 149.0): Outcome(0.0114, 0.0523, 0.355, 0.1211),
    (4, 120.0): Outcome(0.0101, 0.0129, 0.227, 0.0),
    (4, 150.0): Outcome(0.0101, 0.0145, 0.251, 0.1261),
    (4, 162.0): Outcome(0.0108, 0.0168, 0.254, 0.1903),
}


@pytest.fixture
def runs(shared: Path) -> Path:
    return shared / "traces" / "k8s_capacity_runs.csv"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("scipy")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("kubernetes", BENCHMARKS / "kubernetes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "kubernetes", module)
    spec.loader.exec_module(module)
    return module


def test_cells_that_were_not_fitted_are_predicted() -> None:
    found = errors(FITTED, HELD_OUT)
    assert found.p50_s < 10.0
    assert found.p95_s < 25.0
    assert found.cpu_cores < 7.0
    assert found.failed < 0.5


@pytest.mark.parametrize("offered_rps", [135.0, 149.0, 180.0, 198.0])
@pytest.mark.parametrize("replicas", [3, 4])
def test_a_shared_limit_shows_as_errors_and_not_as_latency(
    replicas: int, offered_rps: float
) -> None:
    found = predict(FITTED, (replicas, offered_rps))
    assert found.failed == pytest.approx(1.0 - FITTED.limit_rps / offered_rps, abs=1e-4)
    assert found.p95_s == pytest.approx(predict(FITTED, (replicas, 131.0)).p95_s)


def test_more_pods_serve_the_same_load_with_less_each() -> None:
    cores = [predict(FITTED, (n, 50.0)).cpu_cores for n in (1, 2, 3, 4)]
    for n, each in enumerate(cores, 1):
        contended = 1.0 + FITTED.contention * (n - 1)
        assert each == pytest.approx(50.0 * FITTED.cpu_s / n * contended, rel=0.01)
    latency = [predict(FITTED, (1, rps)).p95_s for rps in (45.0, 60.0, 75.0, 100.0, 125.0)]
    assert latency == sorted(latency)
    assert latency[-1] > 2.0 * latency[0]


def test_every_measured_cell_that_was_not_fitted_is_predicted(
    runs: Path, script: ModuleType
) -> None:
    cells = medians(read_runs(runs))
    assert len(cells) == 28
    fitted, others = script.halves(cells)
    assert set(HELD_OUT) <= set(others)
    for cell, was in HELD_OUT.items():
        assert was == pytest.approx(others[cell], rel=0.01)
    assert script.shared_limit(fitted) == FITTED.limit_rps
    found = errors(FITTED, others)
    assert found.p50_s < 8.0
    assert found.p95_s < 27.0
    assert found.cpu_cores < 7.0
    assert found.failed < 0.6


def test_the_fit_is_repeated(runs: Path, script: ModuleType) -> None:
    fitted, _ = script.halves(medians(read_runs(runs)))
    again = script.fit(fitted)
    assert again.balancing == FITTED.balancing
    assert again[0] == pytest.approx(FITTED[0], rel=0.02)
    assert script.misfit(again, fitted) == pytest.approx(script.misfit(FITTED, fitted), rel=0.01)


def test_the_script_says_what_is_missing(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        script.main(["--runs", str(tmp_path / "none.csv")])
    assert caught.value.code == 2
    assert "not there" in capsys.readouterr().err
