from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.physics import regenerate
from tests.physics.cases import CATEGORIES, load_cases
from tests.physics.definitions import describe


def test_stored_cases_are_those_that_are_defined() -> None:
    stored = {case["id"]: case for case in load_cases()}
    defined = {case["id"]: case for case in describe()}
    assert list(stored) == list(defined)
    for name, case in defined.items():
        assert {key: stored[name][key] for key in case} == case
    assert {case["category"] for case in stored.values()} == set(CATEGORIES)


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: str(case["id"]))
def test_stored_figures_are_complete_and_precise(case: dict[str, Any]) -> None:
    ticks = len(case["inputs"]["arrival_rate"])
    assert case["expected"].keys() == case["ci95"].keys()
    for key, values in case["expected"].items():
        expected = np.array(values, dtype=np.float64)
        assert expected.shape == np.shape(case["ci95"][key])
        assert expected.shape[-1] == ticks or expected.shape == (0,)
    mean, width = (np.array(case[k]["latency_mean"], float) for k in ("expected", "ci95"))
    assert np.nanmedian(width / mean) < 0.02


@pytest.mark.parametrize("name", ["cache_003", "pools_004", "chain_001", "serverless_003"])
def test_stored_figures_are_found_again(name: str) -> None:
    case = next(case for case in load_cases() if case["id"] == name)
    assert case["seed"] != 1
    again, interval = regenerate.simulate(case, replications=30, seed=1)
    excess = []
    for key in (key for key, values in case["expected"].items() if values):
        stored, width = (np.array(case[part][key], float) for part in ("expected", "ci95"))
        allowed = width + interval[key]
        counts = allowed > 1e-9
        excess += list(np.abs(again[key] - stored)[counts] / allowed[counts])
    assert len(excess) > 80
    # Where errors are rare, ten groups say little about their interval.
    assert np.mean(np.array(excess) > 1.0) < 0.05
    assert np.mean(np.array(excess) > 2.0) < 0.005


def test_a_file_is_written_that_can_be_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regenerate, "DATA", tmp_path)
    monkeypatch.setattr(regenerate, "REQUESTS", 0.0)
    monkeypatch.setattr(regenerate, "FEWEST", 10)
    regenerate.main(["storage"])
    document = json.loads((tmp_path / "storage.json").read_text(encoding="utf-8"))
    assert [case["id"] for case in document["cases"]] == ["storage_000", "storage_001"]
    assert [path.name for path in tmp_path.iterdir()] == ["storage.json"]
    with pytest.raises(SystemExit):
        regenerate.main(["unknown"])
