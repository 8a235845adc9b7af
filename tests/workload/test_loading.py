from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from cwm_gym.spec.errors import ErrorCode, SpecError
from cwm_gym.workload import (
    KINDS,
    GeneratedTraffic,
    generate,
    generated_noise,
    is_generated,
    is_trace,
    load_generated,
    load_trace,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "demand.csv"
    rows = "".join(f"{300 * k},{300 * (k % 10 + 1)},7\n" for k in range(100))
    file.write_text("time,hits,bytes\n" + rows)
    return file


def fields(path: Path, **more: object) -> dict[str, object]:
    return {"trace": str(path), "column": "hits", "unit": "requests", **more}


def test_only_paths_and_mappings_are_traces(path: Path) -> None:
    assert is_trace(path)
    assert is_trace({"trace": "x"})
    assert not is_trace(str(path))
    assert not is_trace({"type": "wave"})
    assert not is_trace(None)
    with pytest.raises(SpecError, match="name of a pattern") as caught:
        load_trace(str(path), 60)
    assert caught.value.problems[0].code is ErrorCode.INVALID_REQUEST


def test_trace_is_resampled_to_the_tick(path: Path) -> None:
    trace = load_trace(fields(path), 60)
    assert (len(trace), trace.step_s) == (500, 60.0)
    np.testing.assert_allclose(trace.rps[:6], [1, 1, 1, 1, 1, 2])
    np.testing.assert_allclose(load_trace(fields(path), 600).rps[:2], [1.5, 3.5])


def test_bare_path_infers(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("time,rps\n0,1\n60,2\n120,3\n")
    assert load_trace(file, 60).rps.tolist() == [1.0, 2.0, 3.0]


def test_trace_is_scaled_to_the_fleet_at_its_tick(path: Path) -> None:
    scaled = load_trace(fields(path), 3000, capacity_rps=500)
    # Every 50 minutes average to the same 5.5 rps: the peak is measured after resampling.
    np.testing.assert_allclose(scaled.rps, 0.8 * 500)
    assert load_trace(fields(path, share=0.5), 300, capacity_rps=500).peak_rps == pytest.approx(250)
    recorded = load_trace(fields(path, share=None), 300, capacity_rps=500)
    assert recorded.rps.max() == 10.0


def test_json_is_read_as_prometheus(tmp_path: Path) -> None:
    file = tmp_path / "rate.json"
    values = [[1e9 + 60 * k, str(k)] for k in range(3)]
    result = [{"metric": {}, "values": values}]
    file.write_text(json.dumps({"data": {"resultType": "matrix", "result": result}}))
    assert load_trace(file, 60).rps.tolist() == [0.0, 1.0, 2.0]
    assert load_trace({"trace": file, "unit": "rpm"}, 60).rps[2] == 2 / 60
    with pytest.raises(SpecError, match="column is for CSV"):
        load_trace({"trace": file, "column": "x"}, 60)


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"colum": "hits"}, "/traffic/colum"),
        ({"trace": 5}, "/traffic/trace"),
        ({"trace": ""}, "/traffic/trace"),
        ({"column": 1}, "/traffic/column"),
        ({"unit": 1}, "/traffic/unit"),
        ({"unit": "rqs"}, "/traffic/unit"),
        ({"step_s": "300"}, "/traffic/step_s"),
        ({"max_gap_s": 0}, "/traffic/max_gap_s"),
        ({"share": -0.5}, "/traffic/share"),
        ({"time_column": "when"}, "/traffic/time_column"),
    ],
)
def test_bad_fields_are_pointed_at(path: Path, more: dict[str, object], pointer: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_trace(fields(path, **more), 60)
    assert [p.pointer for p in caught.value.problems] == [pointer]


def test_world_cup_at_a_five_minute_tick(shared: Path) -> None:
    file = shared / "traces" / "worldcup98_requests_per_minute.csv"
    trace = load_trace(file, 300, capacity_rps=1000.0)
    assert len(trace) == 125_310 // 5
    assert trace.peak_rps == pytest.approx(800.0)
    assert len(trace.windows("test", 288)) == len(trace) // 5 - 288 + 1


GENERATED = {"generator": "diurnal", "meanRps": 300, "days": 2, "seed": 4}


def test_generated_demand_is_named_by_its_key() -> None:
    assert is_generated(GENERATED)
    assert is_generated(GeneratedTraffic.model_validate(GENERATED))
    assert not is_generated({"trace": "x"})
    assert not is_generated("diurnal")
    assert not is_trace(GENERATED)


def test_the_generator_of_the_split_is_used() -> None:
    for split in ("train", "test"):
        curve, noise = load_generated(GENERATED, split=split, capacity_rps=1e4)
        same = generate("diurnal", split=split, seed=4, days=2, mean_rps=300)
        np.testing.assert_array_equal(curve.rps, same.rps)
        assert noise == generated_noise("diurnal", split=split, seed=4)


def test_both_spellings_and_the_document_are_one() -> None:
    snake = {"generator": "diurnal", "mean_rps": 300, "days": 2, "seed": 4}
    document = GeneratedTraffic.model_validate(json.loads(json.dumps(GENERATED)))
    forms = (GENERATED, snake, document, document.to_document())
    curves = [load_generated(form, split="train", capacity_rps=1.0)[0].rps for form in forms]
    assert all(np.array_equal(curves[0], other) for other in curves[1:])


def test_without_a_mean_the_p99_is_a_share_of_the_fleet() -> None:
    for share, more in ((0.8, {}), (0.5, {"share": 0.5})):
        spec = {"generator": "flash_crowd", **more}
        curve, _ = load_generated(spec, split="test", capacity_rps=2000.0)
        assert np.quantile(curve.rps, 0.99) == pytest.approx(share * 2000.0)


def test_documented_kinds_are_all_kinds() -> None:
    assert get_args(GeneratedTraffic.model_fields["generator"].annotation) == KINDS


@pytest.mark.parametrize(
    ("more", "pointers"),
    [
        ({"generator": "flash-crowd"}, ["/traffic/generator"]),
        ({"meanRPS": -1}, ["/traffic/meanRPS"]),
        ({"meanRps": 0}, ["/traffic/meanRps"]),
        ({"meanRps": True}, ["/traffic/meanRps"]),
        ({"days": 0.5, "seed": -1}, ["/traffic/days", "/traffic/seed"]),
        ({"days": 400}, ["/traffic/days"]),
        ({"seed": 1.5}, ["/traffic/seed"]),
        ({"share": 0.5}, ["/traffic/share"]),
        ({"sead": 1}, ["/traffic/sead"]),
        ({"trace": "a.csv"}, ["/traffic/trace"]),
    ],
)
def test_bad_generators_are_pointed_at(more: dict[str, object], pointers: list[str]) -> None:
    spec = {**GENERATED, **more}
    if "meanRPS" in more:
        del spec["meanRps"]
    with pytest.raises(SpecError) as caught:
        load_generated(spec, split="train", capacity_rps=1.0)
    assert [p.pointer for p in caught.value.problems] == pointers
    assert all(p.suggestion for p in caught.value.problems)
