from __future__ import annotations

import json
from pathlib import Path

import pytest

from cwm_gym.spec.errors import SpecError
from cwm_gym.workload import read_prometheus


def answer(*series: list[tuple[float, str]]) -> dict[str, object]:
    result = [
        {"metric": {"pod": str(k)}, "values": [list(pair) for pair in values]}
        for k, values in enumerate(series)
    ]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def test_one_series(tmp_path: Path) -> None:
    document = answer([(1397088240, "1.5"), (1397088270, "2"), (1397088300, "0")])
    path = tmp_path / "rate.json"
    path.write_text(json.dumps(document))
    for trace in (read_prometheus(path), read_prometheus(document), read_prometheus(str(path))):
        assert trace.step_s == 30.0
        assert trace.start == "2014-04-10T00:04:00"
        assert trace.rps.tolist() == [1.5, 2.0, 0.0]
    assert read_prometheus(document["data"]).rps.tolist() == [1.5, 2.0, 0.0]
    assert read_prometheus(path).source == "rate.json"


def test_series_are_summed_and_absent_ones_count_zero() -> None:
    # The second pod starts late; nobody reports after 90 s, which is a gap.
    document = answer(
        [(1e9, "1"), (1e9 + 30, "2"), (1e9 + 60, "3"), (1e9 + 120, "5")],
        [(1e9 + 60, "10"), (1e9 + 120, "30")],
    )
    trace = read_prometheus(document)
    assert trace.rps.tolist() == [1.0, 2.0, 13.0, 24.0, 35.0]
    assert trace.filled == ((90.0, 120.0),)


def test_increase_over_the_step_is_a_count() -> None:
    document = answer([(1e9, "120"), (1e9 + 60, "240")])
    assert read_prometheus(document, unit="requests").rps.tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"status": "error", "error": "query timed out"}, "query timed out"),
        ({"status": "success", "data": {"resultType": "vector", "result": []}}, "range-query"),
        ({"status": "success", "data": {"resultType": "matrix"}}, "range-query"),
        ({}, "range-query"),
        (answer(), "no series"),
        (answer([]), "no samples in series 0"),
        (answer([(1e9, "1")]), "fewer than 2 samples"),
        (answer([(1e9, "1"), (1e9 + 60, "NaN")]), "value nan at sample 1 of series 0"),
        (answer([(1e9, "1"), (1e9 + 60, "+Inf")]), "value inf at sample 1"),
        (
            answer([(1e9, "9"), (1e9 + 60, "9")], [(1e9, "1"), (1e9 + 60, "-1")]),
            "value -1 at sample 1 of series 1",
        ),
        (answer([(1e9, "1"), (1e9, "1")]), "does not increase in time at sample 1"),
        (answer([(1e9, "1"), (1e9 + 60, "x")]), "no [time, value] pairs in series 0"),
        (
            {"data": {"resultType": "matrix", "result": [{"histograms": []}]}},
            "no [time, value] pairs in series 0",
        ),
        (
            answer([(1e9, "1"), (1e9 + 60, "1"), (1e9 + 120, "1"), (1e9 + 4080, "1")]),
            "after time 1000000120: 65 samples of 60 s are missing",
        ),
    ],
)
def test_unusable_answers_are_explained(document: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_prometheus(document)
    assert [p.pointer for p in caught.value.problems] == ["/traffic/trace"]
    assert message in str(caught.value)


def test_file_must_be_a_json_object(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{,}")
    with pytest.raises(SpecError, match="not JSON at line 1"):
        read_prometheus(path)
    path.write_text("[1, 2]")
    with pytest.raises(SpecError, match="not a Prometheus range-query result"):
        read_prometheus(path)
