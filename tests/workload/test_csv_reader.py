from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cwm_gym.spec.errors import ErrorCode, SpecError
from cwm_gym.workload import read_csv


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "trace.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problem(path: Path, **arguments: object):
    with pytest.raises(SpecError) as caught:
        read_csv(path, **arguments)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


MINUTES = [
    ("2014-04-10 00:04:00", "2014-04-10 00:05:00", "2014-04-10 00:06:00"),
    ("2014-04-10T00:04", "2014-04-10T00:05", "2014-04-10T00:06"),
    ("2014-04-10T00:04:00Z", "2014-04-10T00:05:00Z", "2014-04-10T00:06:00Z"),
    ("2014-04-10T02:04:00+02:00", "2014-04-10T02:05:00+02:00", "2014-04-10T02:06:00+02:00"),
    ("1397088240", "1397088300", "1397088360"),
    ("1397088240.0", "1397088300.2", "1397088360.1"),
    ("1397088240000", "1397088300000", "1397088360000"),
    ("1397088240000000", "1397088300000000", "1397088360000000"),
    ("1397088240000000000", "1397088300000000000", "1397088360000000000"),
]


@pytest.mark.parametrize("times", MINUTES)
def test_every_kind_of_time_means_the_same_minutes(write, times: tuple[str, ...]) -> None:
    rows = "\n".join(f"{t},{v}" for t, v in zip(times, (60, 120, 30), strict=True))
    trace = read_csv(write(f"time,count\n{rows}\n"))
    assert trace.step_s == 60.0
    assert trace.start == "2014-04-10T00:04:00"
    assert trace.rps.tolist() == [1.0, 2.0, 0.5]
    assert trace.filled == ()
    assert trace.source == "trace.csv"


def test_plain_seconds_have_no_date(write) -> None:
    trace = read_csv(write("seconds,rps\n0,1\n10,2\n20,3\n"))
    assert (trace.step_s, trace.start) == (10.0, "")
    assert trace.rps.tolist() == [1.0, 2.0, 3.0]


def test_rows_without_times_need_an_interval(write) -> None:
    path = write("host,rps\na,1\nb,2\n")
    assert read_csv(path, step_s=15).step_s == 15.0
    found = problem(path)
    assert found.code is ErrorCode.MISSING_REQUIRED
    assert found.pointer == "/traffic/time_column"
    assert "step_s" in found.suggestion


@pytest.mark.parametrize(
    ("heading", "unit", "rps"),
    [
        ("count", None, 2.0),
        ("Request Count", None, 2.0),
        ("rpm", None, 10.0),
        ("qps", None, 600.0),
        ("value", "requests", 2.0),
        ("value", "rpm", 10.0),
        ("value", "rps", 600.0),
        ("count", "rps", 600.0),  # what is said outweighs what is inferred
    ],
)
def test_units(write, heading: str, unit: str | None, rps: float) -> None:
    path = write(f"timestamp,{heading}\n2024-01-01 00:00,600\n2024-01-01 00:05,600\n")
    assert read_csv(path, unit=unit).rps.tolist() == [rps, rps]


def test_separators_marks_and_blank_lines(write) -> None:
    path = write("\ufefftime;name;rps\n\n0;x;1\n\n5;y;2\n", "a.csv")
    assert read_csv(path).rps.tolist() == [1.0, 2.0]
    assert read_csv(write("time\trps\r\n0\t1\r\n5\t2\r\n", "b.csv")).rps.tolist() == [1.0, 2.0]


def test_columns_can_be_named(write) -> None:
    path = write("t,bytes,hits,at\n0,9,1,2024-01-01 00:00\n7,9,2,2024-01-01 00:01\n")
    trace = read_csv(path, time_column="t", column="hits", unit="rps")
    assert (trace.step_s, trace.rps.tolist()) == (7.0, [1.0, 2.0])
    inferred = read_csv(path, column="hits", unit="rps")
    assert inferred.step_s == 60.0  # the ISO column goes before the numeric one


def test_short_gap_is_interpolated_and_listed(write) -> None:
    path = write("time,count\n0,60\n60,60\n240,240\n300,0\n")
    trace = read_csv(path)
    np.testing.assert_allclose(trace.rps, [1, 1, 2, 3, 4, 0])
    assert trace.filled == ((120.0, 240.0),)


def rows(times: list[int]) -> str:
    return "time,rps\n" + "".join(f"{t},1\n" for t in times)


def test_gap_limit_is_a_quarter_of_an_hour_or_three_samples(write) -> None:
    minute = [0, 60, 120, 180]
    fits = read_csv(write(rows([*minute, 180 + 16 * 60])))
    assert fits.filled == ((240.0, 1140.0),)
    found = problem(write(rows([*minute, 180 + 17 * 60])))
    assert found.pointer == "/traffic/trace"
    assert "after line 5: 16 samples of 60 s are missing" in found.message
    assert "up to 900 s" in found.message
    assert "max_gap_s" in found.suggestion
    hour = [0, 3600, 7200, 10800]
    assert len(read_csv(write(rows([*hour, 10800 + 4 * 3600])))) == 8
    assert "4 samples" in problem(write(rows([*hour, 10800 + 5 * 3600]))).message
    assert len(read_csv(write(rows([*hour, 10800 + 5 * 3600])), max_gap_s=4 * 3600)) == 9


def test_jitter_is_snapped_to_the_grid(write) -> None:
    trace = read_csv(write("time,rps\n0.0,1\n60.2,2\n119.9,3\n241,5\n300.1,6\n"))
    assert trace.step_s == 60.0
    assert trace.rps.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_subsecond_interval_is_kept(write) -> None:
    trace = read_csv(write("time,requests\n0,1\n0.25,2\n0.5,3\n"))
    assert trace.step_s == 0.25
    assert trace.rps.tolist() == [4.0, 8.0, 12.0]


@pytest.mark.parametrize(
    ("text", "pointer", "message"),
    [
        ("", "/traffic/trace", "is empty"),
        ("\n\n", "/traffic/trace", "is empty"),
        ("time,rps\n", "/traffic/trace", "fewer than 2 rows"),
        ("time,rps\n0,1\n", "/traffic/trace", "fewer than 2 rows"),
        ("0,1\n60,2\n120,3\n", "/traffic/trace", "has no header"),
        ("time,rps,rps\n0,1,1\n60,2,2\n", "/traffic/trace", "two columns of the same name"),
        ("time,rps\n0,1\n60\n", "/traffic/trace", "1 values in line 3, but 2 columns"),
        ("time,rps\n0,1\n60,nan\n120,1\n", "/traffic/trace", "line 3: the value is nan"),
        ("time,rps\n0,1\n60,2\n120,-3\n", "/traffic/trace", "line 4: the value is -3"),
        ("time,rps\n0,inf\n60,2\n120,inf\n", "/traffic/trace", "line 2: the value is inf (1 more"),
        ("time,rps\n0,1\n60,\n", "/traffic/trace", "line 3: '' in column 'rps' is not a number"),
        ("time,rps\n0,1\n60,2\n60,3\n", "/traffic/trace", "line 4: the time repeats"),
        ("time,rps\n0,1\n\n60,2\n30,3\n", "/traffic/trace", "line 5: the time is earlier than"),
        ("time,rps\n0,1\n60,1\nx,1\n", "/traffic/trace", "line 4: 'x' in column 'time' is not a"),
        ("time,rps\n0,1\ninf,1\n", "/traffic/trace", "line 3: 'inf' in column 'time' is not a"),
        ("time,rps\n2e9,1\n1e30,1\n", "/traffic/trace", "line 3: '1e30' in column 'time' is not"),
        (
            "time,rps\n2024-01-01 00:00,1\n01/01/2024,1\n",
            "/traffic/trace",
            "line 3: '01/01/2024' in column 'time' is not a time",
        ),
        ("time,rps\n0,1\n60,1\n120,1\n125,1\n", "/traffic/trace", "line 5: two samples fall into"),
        ("time,value\n0,1\n60,2\n", "/traffic/unit", "'value' does not say"),
        ("time,name\n0,a\n60,b\n", "/traffic/column", "No column of numbers"),
        ("time,a,b\n0,1,1\n60,2,2\n", "/traffic/column", "Several columns hold numbers: a, b"),
    ],
)
def test_unusable_files_are_explained(write, text: str, pointer: str, message: str) -> None:
    found = problem(write(text))
    assert found.pointer == pointer
    assert message in found.message


def test_unknown_names_suggest_the_closest(write) -> None:
    path = write("timestamp,requests,bytes\n0,1,1\n60,2,2\n")
    found = problem(path, column="request")
    assert found.pointer == "/traffic/column"
    assert "The closest are: requests," in found.suggestion
    assert problem(path, time_column="time").pointer == "/traffic/time_column"
    found = problem(path, column="requests", unit="rpsec")
    assert found.pointer == "/traffic/unit"
    assert "Did you mean 'rps'" in found.suggestion


def test_wrong_interval_is_refused(write) -> None:
    path = write("time,requests\n0,1\n300,2\n600,2\n")
    assert read_csv(path, step_s=300).step_s == 300.0
    found = problem(path, step_s=60)
    assert found.pointer == "/traffic/step_s"
    assert "300 s apart" in found.message


def test_files_that_cannot_be_read(tmp_path: Path, write) -> None:
    write("time,rps\n0,1\n60,2\n", "demand.csv")
    found = problem(tmp_path / "demands.csv")
    assert "does not exist" in found.message
    assert "demand.csv" in found.suggestion
    assert "does not exist either" in problem(tmp_path / "none" / "x.csv").suggestion
    assert "is a folder" in problem(tmp_path).message
    binary = tmp_path / "trace.csv.gz"
    binary.write_bytes(b"\x1f\x8b\x08\x00\xff\xfe")
    assert "not UTF-8" in problem(binary).message


def test_world_cup_trace(shared: Path) -> None:
    path = shared / "traces" / "worldcup98_requests_per_minute.csv"
    trace = read_csv(path)
    assert len(trace) == 125_300 + 10  # ten minutes are missing, in seven places
    assert trace.step_s == 60.0
    assert trace.start == "1998-04-30T21:30:00"
    assert [round((b - a) / 60) for a, b in trace.filled] == [1, 1, 2, 1, 3, 1, 1]
    assert trace.rps.max() * 60 == 229_426
    assert np.median(trace.rps) * 60 == pytest.approx(3_884, abs=2)
    # The published p99 is that of the recorded rows; ten interpolated ones hardly move it.
    assert np.quantile(trace.rps, 0.99) * 60 == pytest.approx(109_971, rel=1e-3)


def test_load_balancer_trace(shared: Path) -> None:
    path = shared / "traces" / "nab_elb_request_count.csv"
    trace = read_csv(path, unit="requests")
    assert len(trace) == 4_032 + 8
    assert trace.step_s == 300.0
    assert all(b - a == 300.0 for a, b in trace.filled)
    assert trace.rps.max() / trace.rps.mean() == pytest.approx(10.6, abs=0.1)
    assert problem(path).pointer == "/traffic/unit"
