from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cwm_gym.testing import reference


def single_server(load: float = 0.5, ticks: int = 4) -> dict[str, Any]:
    """A case whose expected figures are those of M/M/1 in closed form."""
    inputs = {
        "dt": 60.0,
        "arrival_rate": [load * 10.0] * ticks,
        "n_instances": [1] * ticks,
        "vcpus_per_instance": 1,
        "mu": 10.0,
        "service_dist": "exp",
        "cs2": 1.0,
        "queue_cap": 100000,
        "timeout": 1e6,
        "lb": "central",
        "kill_mode": "drain",
        "db_prob": 0.0,
    }
    rate = 10.0 * (1.0 - load)
    figures = {
        "throughput": load * 10.0,
        "cpu_util": load,
        "latency_mean": 1.0 / rate,
        "p50": math.log(2.0) / rate,
        "p95": math.log(20.0) / rate,
        "p99": math.log(100.0) / rate,
        "queue_len": load * load / (1.0 - load),
    }
    expected = {name: [figures.get(name, 0.0)] * ticks for name in reference.FIGURES}
    return {
        "id": "closed_form",
        "category": "steady",
        "compare_from": 1,
        "inputs": inputs,
        "expected": expected,
        "ci95": {name: [0.0] * ticks for name in reference.FIGURES},
    }


def document(path: Path, *cases: dict[str, Any]) -> Path:
    content = {"schema": reference.SCHEMA, "n_cases": len(cases), "cases": cases}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_closed_form_cases_keep_every_promise() -> None:
    scores = reference.score([single_server(load) for load in (0.3, 0.5, 0.7)])
    assert len(scores["p95"].error) == 9
    assert reference.missed(scores) == []


def test_a_wrong_expectation_is_reported() -> None:
    case = single_server()
    case["expected"]["p95"] = [2.0 * v for v in case["expected"]["p95"]]
    scores = reference.score([case])
    np.testing.assert_allclose(scores["p95"].error, 50.0, atol=2.0)
    assert any(line.startswith("p95 median") for line in reference.missed(scores))


def test_uncertain_and_early_figures_do_not_count() -> None:
    case = single_server()
    case["ci95"]["p99"][2] = case["expected"]["p99"][2]
    case["expected"]["p50"][3] = None
    scores = reference.score([case])
    assert scores["p99"].tick.tolist() == [1, 3]
    assert scores["p50"].tick.tolist() == [1, 2]


def test_any_model_can_be_scored() -> None:
    case = single_server()
    perfect = {name: np.array(values) for name, values in case["expected"].items()}
    scores = reference.score([case], run=lambda inputs: perfect)
    assert all((errors.error == 0.0).all() for errors in scores.values())


def test_aborts_follow_the_servers_that_are_taken_away() -> None:
    inputs = single_server()["inputs"]
    inputs |= {"n_instances": [4, 4, 2, 2], "arrival_rate": [16.0] * 4, "kill_mode": "abort"}
    aborts = reference.run_case(inputs)["aborts_per_s"] * 60.0
    # Half of the 1.6 busy servers.
    np.testing.assert_allclose(aborts, [0.0, 0.0, 0.8, 0.0], rtol=0.01)


def test_the_command_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = document(tmp_path / "cases.json", single_server())
    assert reference.main([str(path)]) == 0
    printed = capsys.readouterr().out
    assert "all targets kept" in printed
    assert "latency_mean" in printed
    assert reference.main([str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["cases"] == 1
    assert report["categories"]["steady"]["p95"]["median"] < 2.0


def test_the_command_fails_where_a_promise_is_broken(tmp_path: Path) -> None:
    case = single_server()
    case["expected"]["throughput"] = [9.0] * 4
    assert reference.main([str(document(tmp_path / "cases.json", case))]) == 1


def test_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"schema": "other/1", "cases": []}', encoding="utf-8")
    with pytest.raises(ValueError, match="expected schema"):
        reference.load_cases(path)


@pytest.mark.parametrize("content", [None, "", "[]", '{"schema": "other/1"}'])
def test_the_command_names_what_is_wrong_with_a_file(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cases.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        reference.main([str(path)])
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_public_cases_keep_every_promise(shared: Path) -> None:
    cases = reference.load_cases(shared / "physics" / "reference_public.json")
    scores = reference.score(cases)
    assert reference.missed(scores) == [], "\n" + reference.table(scores)
