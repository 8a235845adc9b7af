"""Every example in the specification that describes something to run compiles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cwm_gym.spec import Fault, Resource, Simulation
from tests.compiler.compiling import compiled, document, resource
from tests.spec.test_specification import kinds, nodes

LEAST: dict[type, int] = {Simulation: 4, Resource: 37, Fault: 20}


def examples(shared: Path, kind: type) -> list[dict[str, Any]]:
    text = (shared / "spec" / "000_07ec958b9ea4cb61.txt").read_text()
    found = [
        part for node in nodes(json.loads(text)) for which, part in kinds(node) if which is kind
    ]
    assert len(found) >= LEAST[kind]
    return found


def test_simulations_compile(shared: Path) -> None:
    for one in examples(shared, Simulation):
        program = compiled(one)
        assert program.capacity_rps > 0
        assert program.params["fixed"]["usd_per_hour"] >= 0


def test_the_production_web_app_is_not_limited_by_its_database(shared: Path) -> None:
    one = next(e for e in examples(shared, Simulation) if e["name"] == "AWS Production Web App")
    params = compiled(one).params
    database = params["backend"][0]
    assert database["servers"] / database["service_s"] >= params["front"]["limit_rps"][0]


def test_resources_compile(shared: Path) -> None:
    for one in examples(shared, Resource):
        parts = [one]
        if one["type"] != "compute":
            parts.append(resource("another", provider=one["provider"]))
        compiled(document(*parts))


def test_faults_compile(shared: Path) -> None:
    for one in examples(shared, Fault):
        fault = Fault.model_validate(one)
        link = str(fault.target or "").endswith("-link")
        kind = "database" if fault.kind.startswith("database") else "compute"
        places = [
            resource(f"in-{name}", provider=name)
            for name in ("aws", "gcp", "azure", "oci", "digitalocean")
        ]
        if fault.target is not None and not link:
            places.append(resource(fault.target, kind))
        program = compiled(document(*places), faults=[one])
        assert program.params["n_faults"] == int(fault.is_active)
