"""Every request of the specification that this library can carry out, run against it."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import cwm_gym
from cwm_gym.spec import EpisodeConfig

PATHS = ("/simulations", "/patterns", "/failures")
RL_PATHS = (
    "/rl/environments",
    "/rl/environments/{environmentId}/step",
    "/rl/environments/{environmentId}/batch-step",
)
# Bodies that ask for a text about a simulation, not for something to happen in it.
EXPLANATIONS = ("explain", "optimize", "troubleshoot", "analyze-bottlenecks", "explain-autoscaling")
HYBRID = "step-hybrid"


def named(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for example in content.get("examples", {}).values():
            yield example["value"]
        if "example" in content:
            yield content["example"]


def from_fields(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """What the examples at single fields add up to; None where there are none."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[-1]]
    if "example" in schema:
        return schema["example"]
    parts = {name: from_fields(one, schemas) for name, one in schema.get("properties", {}).items()}
    return {name: one for name, one in parts.items() if one is not None} or None


def fields(operation: dict[str, Any], schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        found = from_fields(content["schema"], schemas)
        if found is not None:
            yield found


def sampled(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Bodies in shell samples, and the dictionaries that Python samples send."""
    for sample in operation.get("x-codeSamples", []):
        source = sample["source"]
        if sample["lang"] == "curl":
            words = shlex.split(source.replace("\\\n", " "))
            if "-d" in words:
                yield json.loads(words[words.index("-d") + 1])
        elif sample["lang"] == "Python":
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.keyword) and node.arg == "json":
                    try:
                        yield ast.literal_eval(node.value)
                    except ValueError:  # built from variables
                        continue


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(path, method, where the body stands, body) of every request that carries one."""
    for path, operations in document["paths"].items():
        if not (path.startswith(PATHS) or path in RL_PATHS):
            continue
        for method, operation in operations.items():
            if not isinstance(operation, dict):
                continue
            for body in named(operation):
                yield path, method, "example", body
            for body in fields(operation, document["components"]["schemas"]):
                yield path, method, "field", body
            for body in sampled(operation):
                yield path, method, "sample", body


@pytest.fixture(scope="module")
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    folder = Path(__file__).parents[2].parent / "shared" / "spec"
    if not folder.is_dir():
        pytest.skip("needs ../shared/spec, the specification document, which is not here")
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text()
        if text.lstrip().startswith("{"):
            found: dict[str, Any] = json.loads(text)
            return found
    pytest.fail("../shared/spec holds no OpenAPI document")


SHOP = {
    "name": "Shop",
    "traffic": 2000,
    "resources": [
        {"id": "lb", "type": "network", "name": "LB", "provider": "aws", "region": "us-east-1"},
        {
            "id": "r2",
            "type": "compute",
            "name": "App Server",
            "provider": "aws",
            "region": "us-east-1",
            "config": {
                "instanceType": "m5.large",
                "instances": 4,
                "minInstances": 2,
                "maxInstances": 12,
                "autoScaling": True,
            },
        },
        {
            "id": "droplets",
            "type": "compute",
            "name": "Droplets",
            "provider": "digitalocean",
            "region": "nyc3",
            "config": {"instanceType": "s-1vcpu-1gb", "instances": 2},
        },
        {
            "id": "r3",
            "type": "database",
            "name": "Primary DB",
            "provider": "aws",
            "region": "us-east-1",
            "config": {"instanceType": "db.r5.large", "multiAZ": True},
        },
    ],
}


def live() -> Any:
    return cwm_gym.LiveSimulation(SHOP, seed=3)


def run(path: str, method: str, body: dict[str, Any]) -> str:
    """Carry one request out; returns what was called."""
    last = path.rsplit("/", 1)[-1]
    if path == "/simulations":
        if "resources" not in body:  # the fields of the schema name no resources
            body = {**SHOP, **body}
        simulation = cwm_gym.LiveSimulation(body, seed=1)
        metrics = simulation.step(5)
        assert metrics["throughput"] > 0.0
        assert metrics["costPerHour"] > 0.0
        return "LiveSimulation"
    if path == "/rl/environments":
        episode = EpisodeConfig.model_validate(body["episodeConfig"])
        assert episode.max_steps == body["episodeConfig"]["maxSteps"]
        provider = "digitalocean-web-app" if episode.compute_type else "aws-web-app"
        env = gym.make("CloudAutoscale-v0", scenario=provider, episode=body["episodeConfig"])
        _, info = env.reset(seed=0)
        for _ in range(3):
            _, reward, terminated, _, info = env.step(0)
        assert np.isfinite(reward)
        assert not terminated
        assert info["metrics"]["throughput_rps"] > 0.0
        return "gym.make(episode=...)"
    if path in RL_PATHS:
        env = gym.make("CloudAutoscale-v0", autoscaler="on").unwrapped
        env.reset(seed=0)
        steps = body.get("steps", [body])
        for step in steps:
            action = step.get("action", {"type": "no_op", "parameters": {}})
            before = env.get_state()
            *_, info = env.step_document(
                {**action, **{k: v for k, v in step.items() if k == "tick_seconds"}}
            )
            length = step.get("tick_seconds", 60)
            assert info["sim_time_seconds"] == before["time_s"] + length
            kinds = [event["kind"] for event in info["events"]]
            if action["type"] != "no_op":
                expected = {"adjust_threshold": "threshold_changed"}.get(
                    action["type"], action["type"]
                )
                assert expected in kinds
        return "step_document"
    simulation = live()
    if path == "/simulations/{simulationId}":
        simulation.patch(body)
        simulation.step(1)
        shown = simulation.document()
        assert shown["traffic"] == body.get("traffic", SHOP["traffic"])
        assert {one["id"] for one in body.get("resources", [])} <= {
            one["id"] for one in shown["resources"]
        }
        return "patch"
    if last in ("step", HYBRID):
        simulation.step(body.get("steps", 1))
        assert simulation.current_step == body.get("steps", 1)
        return "step"
    if last == "patterns":
        simulation.add_pattern(body)
        before = [simulation.step(1)["throughput"] for _ in range(12)]
        assert max(before) - min(before) > 50.0
        return "add_pattern"
    if last == "{patternId}":
        name = simulation.add_pattern({"type": "sine", "amplitude": 0.5, "period": 10})
        simulation.patch_pattern(name, body)
        found = next(one for one in simulation.patterns() if one["id"] == name)
        assert {key: found[key] for key in body} == body
        simulation.step(3)
        return "patch_pattern"
    if last == "failures":
        simulation.add_fault(body)
        quiet = live()
        start = body["startTime"]
        differs = any(simulation.step(1) != quiet.step(1) for _ in range(start + 12))
        assert differs
        return "add_fault"
    if last == "{failureId}":
        name = simulation.add_fault(
            {
                "name": "x",
                "type": "az_outage",
                "startTime": 1,
                "endTime": 30,
                "targetZone": "us-east-1a",
            }
        )
        simulation.step(3)
        simulation.patch_fault(name, body)
        simulation.step(2)
        return "patch_fault"
    if last == "events":
        simulation.annotate(body)
        assert simulation.events()[-1]["message"] == body["message"]
        return "annotate"
    if last == "bulk-resize":
        assert simulation.bulk_resize(body["dropletSize"])["resizedCount"] == 1
        simulation.step(2)
        return "bulk_resize"
    raise AssertionError(f"nothing carries out {method} {path}")


def test_every_request_body_is_carried_out(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    called: Counter[str] = Counter()
    origins: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for path, method, origin, body in bodies(document):
        if path.rsplit("/", 1)[-1] in EXPLANATIONS:
            left_out[path.rsplit("/", 1)[-1]] += 1
            continue
        called[run(path, method, body)] += 1
        origins[origin] += 1
    with capsys.disabled():
        print(
            f"\n{sum(called.values())} request bodies carried out "
            f"({', '.join(f'{n} {name}' for name, n in sorted(called.items()))}); "
            f"{sum(left_out.values())} ask for explanations"
        )
    assert origins["example"] >= 30
    assert origins["field"] >= 8
    assert origins["sample"] >= 15
    assert len(called) == 11


def test_injections_without_a_body() -> None:
    simulation = live()
    before = simulation.step(2)["throughput"]
    simulation.inject_traffic()
    assert simulation.step(1)["throughput"] > 1.9 * before
    simulation.inject_failure()
    simulation.step(1)
    assert any("lost" in event["message"] for event in simulation.events())
    assert any(re.search(r"\d+ → \d+ RPS", event["message"]) for event in simulation.events())
