"""Every example in the specification that describes one of our documents must load."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from cwm_gym.spec import (
    PARAMS,
    Action,
    AdjustThresholdParams,
    AutoscalingConfig,
    BatchStepRequest,
    Connection,
    Document,
    EpisodeConfig,
    PatternType,
    Provider,
    Resource,
    ResourceType,
    ScaleParams,
    SetRecoveryPolicyParams,
    Simulation,
    StepRequest,
    TrafficForecast,
    TrafficForecastPoint,
    TrafficPattern,
)

# The number of examples of each kind that must be found, so that the search cannot find nothing.
LEAST = {
    Simulation: 4,
    Resource: 37,
    EpisodeConfig: 13,
    AutoscalingConfig: 20,
    TrafficForecast: 26,
    TrafficPattern: 5,
    Action: 29,
    StepRequest: 20,
    BatchStepRequest: 3,
}


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from nodes(part)
    elif isinstance(value, list):
        for part in value:
            yield from nodes(part)
    elif isinstance(value, str) and "{" in value:
        for document in embedded(value):
            yield from nodes(document)


def embedded(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects and Python dict displays inside prose and code samples."""
    decoder, start = json.JSONDecoder(), text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except ValueError:
            end = start + 1
        else:
            yield value
        start = text.find("{", end)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for display in ast.walk(tree):
        if isinstance(display, ast.Dict):
            try:
                value = ast.literal_eval(display)
            except ValueError:
                continue
            if any(isinstance(v, bool) for v in value.values()) or "type" in value:
                yield value


def kinds(node: dict[str, Any]) -> Iterator[tuple[type[Document], dict[str, Any]]]:
    def part(name: str) -> dict[str, Any]:
        value = node.get(name)
        return value if isinstance(value, dict) and "$ref" not in value else {}

    if {"id", "type", "name", "provider"} <= node.keys() and isinstance(node["type"], str):
        yield Resource, node
    if {"name", "resources"} <= node.keys() and isinstance(node["resources"], list):
        yield Simulation, node
    if isinstance(node.get("maxSteps"), int) and part("targetSLA"):
        yield EpisodeConfig, node
    if isinstance(node.get("scaleOutCpuThreshold"), (int, float)) and "score" not in node:
        yield AutoscalingConfig, node
    if isinstance(node.get("dataPoints"), list):
        yield TrafficForecast, node
    if isinstance(node.get("amplitude"), float) and "type" in node:
        yield TrafficPattern, node
    if "startTraffic" in part("parameters"):
        yield TrafficPattern, node
    if node.get("type") in ("adjust_threshold", "scale_out", "scale_in", "no_op") and isinstance(
        node.get("parameters"), dict
    ):
        yield Action, node
    if part("action").get("type") in PARAMS:
        yield StepRequest, node
    if isinstance(node.get("steps"), list) and isinstance(node["steps"][0], dict):
        yield BatchStepRequest, node


@pytest.fixture(scope="module")
def openapi(shared: Path) -> dict[str, Any]:
    path = shared / "spec" / "000_07ec958b9ea4cb61.txt"
    if not path.is_file():
        pytest.skip("the specification (../shared/spec) is not beside this checkout")
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


@pytest.fixture(scope="module")
def examples(openapi: dict[str, Any]) -> list[tuple[type[Document], dict[str, Any]]]:
    return [found for node in nodes(openapi) for found in kinds(node)]


def bodies(openapi: dict[str, Any], path: str, method: str) -> list[dict[str, Any]]:
    content = openapi["paths"][path][method]["requestBody"]["content"]["application/json"]
    return [example["value"] for example in content["examples"].values()]


def test_patch_requests_apply(openapi: dict[str, Any]) -> None:
    simulation = Simulation.model_validate(bodies(openapi, "/simulations", "post")[0])
    renamed, grown = bodies(openapi, "/simulations/{simulationId}", "patch")
    assert simulation.patched(renamed).traffic == renamed["traffic"]
    assert [r.id for r in simulation.patched(grown).resources] == ["r1", "r2", "r3", "r4", "r5"]
    pattern = TrafficPattern.named("sine")
    off, adjusted = bodies(openapi, "/patterns/{patternId}", "patch")
    assert pattern.patched(off).shapes(1000.0) == ()
    assert pattern.patched(adjusted).shapes(1000.0)[0].period == adjusted["period"]


def test_every_spelling_of_the_enums_is_known(openapi: dict[str, Any]) -> None:
    schemas = openapi["components"]["schemas"]
    resource = schemas["Resource"]["properties"]
    assert set(resource["provider"]["enum"]) == set(get_args(Provider))
    assert set(resource["type"]["enum"]) < set(get_args(ResourceType))
    assert set(schemas["Action"]["properties"]["type"]["enum"]) == set(PARAMS)
    named = schemas["EpisodeConfig"]["properties"]["targetTrafficPattern"]["enum"]
    body = openapi["paths"]["/simulations/{simulationId}/patterns"]["post"]["requestBody"]
    shape_a = body["content"]["application/json"]["schema"]["properties"]["type"]["enum"]
    assert {*named, *shape_a} == set(get_args(PatternType))


@pytest.mark.parametrize(
    ("cls", "schema"),
    [
        (Resource, "Resource"),
        (Connection, "Connection"),
        (Simulation, "Simulation"),
        (EpisodeConfig, "EpisodeConfig"),
        (AutoscalingConfig, "AutoscalingConfig"),
        (TrafficForecastPoint, "TrafficForecastPoint"),
        (TrafficForecast, "TrafficForecast"),
        (Action, "Action"),
        (ScaleParams, "ScaleParams"),
        (AdjustThresholdParams, "AdjustThresholdParams"),
        (SetRecoveryPolicyParams, "SetRecoveryPolicyParams"),
    ],
)
def test_every_schema_property_is_a_field(
    cls: type[Document], schema: str, openapi: dict[str, Any]
) -> None:
    declared = set(openapi["components"]["schemas"][schema]["properties"])
    ours = set(cls.model_json_schema(mode="serialization")["properties"])
    assert declared <= ours


@pytest.mark.parametrize("cls", LEAST, ids=lambda cls: cls.__name__)
def test_examples_load_and_survive_a_round_trip(
    cls: type[Document], examples: list[tuple[type[Document], dict[str, Any]]]
) -> None:
    found = [node for kind, node in examples if kind is cls]
    for node in found:
        document = cls.model_validate(node)
        again = cls.model_validate(document.to_document())
        assert again == document
        assert again.model_fields_set == document.model_fields_set
    assert len(found) >= LEAST[cls]
