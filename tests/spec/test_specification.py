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
    AddResourceParams,
    AdjustThresholdParams,
    AdvanceRequest,
    AnalysisRequest,
    Annotation,
    AutoscalingConfig,
    BatchStepRequest,
    BulkResize,
    Connection,
    Document,
    EpisodeConfig,
    EventSeverity,
    Fault,
    FaultPatch,
    FaultType,
    HybridAdvanceRequest,
    PatternPatch,
    PatternType,
    Provider,
    Resource,
    ResourceType,
    ScaleParams,
    SetRecoveryPolicyParams,
    Simulation,
    SimulationPatch,
    StepRequest,
    TrafficForecast,
    TrafficForecastPoint,
    TrafficPattern,
    TroubleshootRequest,
)

# The number of examples of each kind that must be found, so that the search cannot find nothing.
LEAST = {
    Simulation: 4,
    Resource: 37,
    EpisodeConfig: 13,
    AutoscalingConfig: 20,
    TrafficForecast: 26,
    TrafficPattern: 5,
    Fault: 25,
    Annotation: 6,
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
    timed = {"startTime", "injectionTime"} & node.keys()
    kind = node.get("type")
    if timed and isinstance(kind, str) and kind not in get_args(PatternType):
        yield Fault, node
    logged = "message" in node and kind is None
    if logged and node.get("severity") in get_args(EventSeverity):
        yield Annotation, node
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
    body = openapi["paths"]["/simulations/{simulationId}/failures"]["post"]["requestBody"]
    faults_a = body["content"]["application/json"]["schema"]["properties"]["type"]["enum"]
    faults_b = schemas["ChaosInjectionConfig"]["properties"]["type"]["enum"]
    assert {*faults_a, *faults_b} < set(get_args(FaultType))
    body = openapi["paths"]["/simulations/{simulationId}/events"]["post"]["requestBody"]
    severities = body["content"]["application/json"]["schema"]["properties"]["severity"]["enum"]
    assert severities == list(get_args(EventSeverity))


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


SIMULATION = "/simulations/{simulationId}"
ENVIRONMENT = "/rl/environments/{environmentId}"
# Document of every request body under these paths, and how many named examples it has.
REQUESTS: dict[tuple[str, str], tuple[type[Document], int]] = {
    ("/simulations", "post"): (Simulation, 3),
    (SIMULATION, "patch"): (SimulationPatch, 2),
    (f"{SIMULATION}/step", "post"): (AdvanceRequest, 0),
    (f"{SIMULATION}/step-hybrid", "post"): (HybridAdvanceRequest, 2),
    (f"{SIMULATION}/patterns", "post"): (TrafficPattern, 2),
    ("/patterns/{patternId}", "patch"): (PatternPatch, 2),
    (f"{SIMULATION}/failures", "post"): (Fault, 2),
    ("/failures/{failureId}", "patch"): (FaultPatch, 2),
    (f"{SIMULATION}/events", "post"): (Annotation, 2),
    (f"{SIMULATION}/explain", "post"): (AnalysisRequest, 2),
    (f"{SIMULATION}/optimize", "post"): (AnalysisRequest, 2),
    (f"{SIMULATION}/troubleshoot", "post"): (TroubleshootRequest, 2),
    (f"{SIMULATION}/bulk-resize", "post"): (BulkResize, 2),
    (f"{SIMULATION}/analyze-bottlenecks", "post"): (AnalysisRequest, 2),
    (f"{SIMULATION}/explain-autoscaling", "post"): (AnalysisRequest, 2),
    # The fields beside episodeConfig address the HTTP service: simulationId, webhooks.
    ("/rl/environments", "post"): (EpisodeConfig, 6),
    (f"{ENVIRONMENT}/step", "post"): (StepRequest, 4),
    (f"{ENVIRONMENT}/batch-step", "post"): (BatchStepRequest, 2),
}
OF_THE_SERVICE = {"simulationId", "webhookUrl", "webhookSecret"}


def requests(openapi: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    under = ("/simulations", "/patterns", "/failures", "/rl/environments")
    return {
        (path, method): operation["requestBody"]["content"]["application/json"]
        for path, operations in openapi["paths"].items()
        if path.startswith(under)
        for method, operation in operations.items()
        if isinstance(operation, dict) and "requestBody" in operation
    }


def of_fields(schema: dict[str, Any], openapi: dict[str, Any]) -> Any:
    """Value that the examples of a schema's fields make up; None where there is none."""
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "example" in schema:
        return schema["example"]
    if "items" in schema:
        item = of_fields(schema["items"], openapi)
        return None if item is None else [item]
    found = {name: of_fields(s, openapi) for name, s in schema.get("properties", {}).items()}
    return {name: value for name, value in found.items() if value is not None} or None


def read_body(cls: type[Document], body: dict[str, Any]) -> Document:
    if cls is EpisodeConfig:
        assert body.keys() <= OF_THE_SERVICE | {"episodeConfig"}
        body = body["episodeConfig"]
    document = cls.model_validate(body)
    assert cls.model_validate(document.to_document()) == document
    return document


def test_every_request_example_loads(openapi: dict[str, Any]) -> None:
    found = requests(openapi)
    assert found.keys() == REQUESTS.keys()
    for key, content in found.items():
        cls, count = REQUESTS[key]
        documents = [
            read_body(cls, example["value"]) for example in content.get("examples", {}).values()
        ]
        assert len(documents) == count, key
    assert sum(count for _, count in REQUESTS.values()) == 41


def test_every_field_example_loads(openapi: dict[str, Any]) -> None:
    bodies = {
        key: of_fields(content["schema"], openapi) for key, content in requests(openapi).items()
    }
    found = {key: body for key, body in bodies.items() if body is not None}
    for key, body in found.items():
        cls, _ = REQUESTS[key]
        # The schema of an action gives no example of its type.
        read_body(cls, body | ({"action": {"type": "no_op"}} if cls is StepRequest else {}))
    assert len(found) == 12
    assert sum(len(body) for body in found.values()) == 28


def test_field_examples_of_the_parameters_load(openapi: dict[str, Any]) -> None:
    schemas = openapi["components"]["schemas"]
    for cls, name in (
        (ScaleParams, "ScaleParams"),
        (AdjustThresholdParams, "AdjustThresholdParams"),
        (SetRecoveryPolicyParams, "SetRecoveryPolicyParams"),
        (Resource, "Resource"),
        (Fault, "ChaosInjectionConfig"),
    ):
        assert read_body(cls, of_fields(schemas[name], openapi))
    added = of_fields(schemas["ResourceParams"], openapi)
    assert AddResourceParams.model_validate(added)


@pytest.mark.parametrize("cls", LEAST, ids=lambda cls: cls.__name__)
def test_examples_load_and_survive_a_round_trip(
    cls: type[Document], examples: list[tuple[type[Document], dict[str, Any]]]
) -> None:
    found = [node for kind, node in examples if kind is cls]
    for node in found:
        document = cls.model_validate(node)
        again = cls.model_validate(document.to_document())
        assert again == document
        assert all(again.is_set(n) == document.is_set(n) for n in cls.model_fields)
    assert len(found) >= LEAST[cls]
