from __future__ import annotations

import math
from typing import Any

import pytest

from cwm_gym.spec import Shape, SpecError, TrafficPattern

BASE = 1000.0


def shapes(document: dict[str, Any], base: float = BASE) -> tuple[Shape, ...]:
    pattern = TrafficPattern.model_validate(document)
    assert TrafficPattern.model_validate(pattern.to_document()) == pattern
    return pattern.shapes(base)


def test_shape_a_is_the_specification_s_sine_and_ramp() -> None:
    sine = {"type": "sine", "amplitude": 0.4, "period": 24, "isActive": True}
    assert shapes(sine) == (Shape("wave", 0, period=24, amplitude=0.4),)
    assert shapes(sine | {"type": "wave"}) == shapes(sine)
    assert shapes({"type": "ramp", "amplitude": 1.5, "period": 20}) == (
        Shape("ramp", 0, from_rps=1000, to_rps=2500, duration=20),
    )


def test_shape_b_is_the_specification_s_gradual_ramp() -> None:
    assert shapes(
        {
            "name": "gradual-ramp",
            "type": "ramp",
            "startTime": 5,
            "parameters": {"startTraffic": 100, "endTraffic": 900, "duration": 20},
        }
    ) == (Shape("ramp", 5, from_rps=100, to_rps=900, duration=20),)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("constant", Shape("constant", 0, from_rps=1000)),
        ("ramp", Shape("ramp", 0, from_rps=1000, to_rps=2500, duration=20)),
        ("step", Shape("staircase", 0, from_rps=1000, to_rps=1300, duration=40, jumps=1)),
        ("wave", Shape("wave", 0, amplitude=0.4, period=24)),
        ("sine", Shape("wave", 0, amplitude=0.4, period=24)),
        ("burst", Shape("burst", 0, amplitude=3.2, duration=15)),
        ("spike", Shape("spike", 0, amplitude=3.2, duration=15)),
    ],
)
def test_a_bare_name_has_documented_defaults(kind: str, expected: Shape) -> None:
    assert TrafficPattern.named(kind).shapes(BASE) == (expected,)


def test_a_wrong_name_is_met_with_the_closest() -> None:
    with pytest.raises(SpecError, match="Did you mean 'wave'"):
        TrafficPattern.named("waves")
    with pytest.raises(SpecError, match="needs points"):
        TrafficPattern.named("custom")


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        ("constant", {"startTraffic": 500}, [Shape("constant", 0, from_rps=500)]),
        ("constant", {"multiplier": 2}, [Shape("constant", 0, from_rps=2000)]),
        ("ramp", {"endTraffic": 0}, [Shape("ramp", 0, from_rps=1000, to_rps=0, duration=20)]),
        (
            "ramp",
            {"endTraffic": 3000, "duration": 10, "hold": 5, "returnDuration": 30},
            [
                Shape("ramp", 0, from_rps=1000, to_rps=3000, duration=10),
                Shape("ramp", 15, from_rps=3000, to_rps=1000, duration=30),
            ],
        ),
        (
            "step",
            {"startTraffic": 100, "endTraffic": 400, "duration": 40, "steps": 3},
            [Shape("staircase", 0, from_rps=100, to_rps=400, duration=40, jumps=3)],
        ),
        (
            "step",
            {"period": 7, "steps": 2, "multiplier": 3},
            [Shape("staircase", 0, from_rps=1000, to_rps=3000, duration=21, jumps=2)],
        ),
        (
            "step",
            {"levels": [5, 9, 2], "duration": 30},
            [Shape("samples", 0, points=((0, 5), (10, 9), (20, 2)), hold=True)],
        ),
        (
            "step",
            {"levels": [5, 9]},
            [Shape("samples", 0, points=((0, 5), (20, 9)), hold=True)],
        ),
        ("wave", {"peakToTrough": 4}, [Shape("wave", 0, period=24, amplitude=0.6)]),
        ("wave", {"endTraffic": 1500}, [Shape("wave", 0, period=24, amplitude=0.5)]),
        (
            "wave",
            {"startTraffic": 200, "endTraffic": 600, "period": 60},
            [Shape("constant", 0, from_rps=400), Shape("wave", 0, period=60, amplitude=0.5)],
        ),
        (
            "wave",
            {"startTraffic": 0, "endTraffic": 600},
            [Shape("constant", 0, from_rps=300), Shape("wave", 0, period=24, amplitude=1)],
        ),
        (
            "burst",
            {"multiplier": 5, "duration": 10, "period": 60},
            [Shape("burst", 0, duration=10, period=60, amplitude=4)],
        ),
        (
            "burst",
            {"startTraffic": 100, "endTraffic": 900, "duration": 20},
            [Shape("constant", 0, from_rps=100), Shape("burst", 0, duration=20, amplitude=8)],
        ),
        ("spike", {"endTraffic": 4200}, [Shape("spike", 0, duration=15, amplitude=3.2)]),
        (
            "custom",
            {"points": [{"timestamp": 0, "rps": 5}, {"timestamp": 3, "rps": 9}]},
            [Shape("samples", 0, points=((0, 5), (3, 9)))],
        ),
        (
            "custom",
            {"points": [{"timestamp": 1, "rps": 5}], "interpolation": "previous"},
            [Shape("samples", 0, points=((1, 5),), hold=True)],
        ),
    ],
)
def test_parameters_resolve_as_documented(
    kind: str, parameters: dict[str, Any], expected: list[Shape]
) -> None:
    found = shapes({"type": kind, "parameters": parameters})
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.amplitude == pytest.approx(theirs.amplitude)
        assert vars(ours) | {"amplitude": 0.0} == vars(theirs) | {"amplitude": 0.0}


def test_the_window_applies_to_every_element() -> None:
    window = {"type": "burst", "startTime": 3, "endTime": 9, "parameters": {"startTraffic": 5}}
    assert [(s.start, s.end) for s in shapes(window)] == [(3, 9), (3, 9)]
    ramp = {"type": "ramp", "startTime": 3, "endTime": 9, "parameters": {"hold": 50}}
    assert [(s.start, s.end) for s in shapes(ramp)] == [(3, 9)]
    assert shapes({"type": "ramp"})[0].end == math.inf


def test_an_inactive_pattern_does_nothing() -> None:
    assert shapes({"type": "burst", "isActive": False}) == ()


def test_nothing_cannot_be_multiplied() -> None:
    with pytest.raises(SpecError, match="/parameters/endTraffic"):
        shapes({"type": "burst", "parameters": {"endTraffic": 9}}, base=0.0)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({}, "/type"),
        ({"type": "square"}, "/type"),
        ({"type": "sine", "amplitude": -1.5}, "/amplitude"),
        ({"type": "sine", "period": 0}, "/period"),
        ({"type": "ramp", "startTime": -1}, "/startTime"),
        ({"type": "ramp", "startTime": 5, "endTime": 5}, "/endTime"),
        ({"type": "custom"}, "/parameters/points"),
        ({"type": "custom", "parameters": {"points": []}}, "/parameters/points"),
        (
            {
                "type": "custom",
                "parameters": {"points": [{"timestamp": 4, "rps": 1}, {"timestamp": 4, "rps": 2}]},
            },
            "/parameters/points/1/timestamp",
        ),
        ({"type": "ramp", "amplitude": 1, "parameters": {"amplitude": 1}}, "/parameters/amplitude"),
        (
            {"type": "wave", "amplitude": 1, "parameters": {"endTraffic": 1}},
            "/parameters/endTraffic",
        ),
        (
            {"type": "ramp", "parameters": {"multiplier": 2, "endTraffic": 1}},
            "/parameters/endTraffic",
        ),
        ({"type": "ramp", "period": 5, "parameters": {"duration": 5}}, "/period"),
        ({"type": "step", "parameters": {"levels": [1], "steps": 2}}, "/parameters/steps"),
        ({"type": "wave", "parameters": {"duration": 5}}, "/parameters/duration"),
        ({"type": "burst", "parameters": {"points": []}}, "/parameters/points"),
        ({"type": "burst", "parameters": {"startTraffic": 0}}, "/parameters/startTraffic"),
        ({"type": "wave", "parameters": {"peakToTrough": 0.5}}, "/parameters/peakToTrough"),
    ],
)
def test_wrong_patterns_are_refused(document: dict[str, Any], where: str) -> None:
    with pytest.raises(SpecError) as caught:
        TrafficPattern.model_validate(document)
    assert {problem.pointer for problem in caught.value.problems} == {where}


@pytest.mark.parametrize("kind", ["constant", "ramp", "sine", "step", "spike", "burst", "wave"])
def test_every_type_takes_the_fields_of_shape_a(kind: str) -> None:
    document = {"type": kind, "amplitude": 0.3, "period": 20, "isActive": True}
    (shape,) = shapes(document | {"id": "pat-001", "simulationId": "sim-abc123"})
    reached = max(shape.from_rps, shape.to_rps) or BASE * (1 + shape.amplitude)
    assert reached == pytest.approx(1300)


def test_demand_below_nothing_is_refused_and_no_demand_is_not() -> None:
    assert shapes({"type": "sine", "amplitude": -1})[0].amplitude == -1
    for document in ({"amplitude": -1.01}, {"parameters": {"amplitude": -1.01}}):
        with pytest.raises(SpecError, match="amplitude must be greater than or equal to -1"):
            shapes({"type": "sine"} | document)
    for document, place in (
        ({"amplitude": 1.2}, "/amplitude"),
        ({"parameters": {"multiplier": 2.5}}, "/parameters"),
        ({"parameters": {"endTraffic": 3 * BASE}}, "/parameters"),
    ):
        with pytest.raises(SpecError, match="would make demand negative") as caught:
            shapes({"type": "sine"} | document)
        assert caught.value.problems[0].pointer == place
