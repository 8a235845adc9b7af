"""Names and ranges of per-episode draws."""

from __future__ import annotations

import numpy as np
import pytest

from cwm_gym.compiler.randomize import drawable
from cwm_gym.core.records import parameter_offsets
from cwm_gym.spec import SpecError
from tests.compiler.compiling import compiled, document, resource
from tests.documents import service, with_database


def test_a_parameter_has_several_names() -> None:
    program = compiled(with_database(service(), readReplicas=1))
    known = drawable(program.params, program.targets)
    offsets = parameter_offsets()
    for name, place in (
        ("web.boot_s", "pool.0.boot_s"),
        ("db.connections", "backend.0.connections"),
        ("database.visit", "backend.0.visit"),
        ("db/replicas.visit", "backend.1.visit"),
        ("pool.0.initial", "pool.0.initial"),
        ("web.policy.critical_cpu", "pool.0.policy.critical_cpu"),
    ):
        assert known[name] == offsets[place], name


def test_free_slots_integers_and_routes_cannot_be_drawn() -> None:
    program = compiled(service())
    known = drawable(program.params, program.targets)
    for name in (
        "pool.1.boot_s",
        "backend.0.visit",
        "front.1.limit_rps",
        "fault.0.start_s",
        "pool.0.maximum",
        "episode.tick_s",
        "draw.low.0",
        "route.reach.8",
        "fingerprint",
        "database.visit",
    ):
        assert name not in known, name


def test_draws_name_the_field_they_replace() -> None:
    ranges = {"web.boot_s": (20, 40), "database.visit": (0.1, 0.2)}
    program = compiled(with_database(service()), randomize=ranges)
    draw = program.params["draw"]
    assert program.randomized == tuple(ranges)
    assert draw["count"] == 2
    flat = program.params.reshape(1).view(np.float64)
    assert flat[draw["offset"][:2]].tolist() == [45.0, 1.0]
    assert draw["low"][:2].tolist() == [20, 0.1]


def test_an_unknown_name_meets_the_closest() -> None:
    with pytest.raises(SpecError) as caught:
        compiled(document(resource("api")), randomize={"api.boots_s": (1, 2)})
    assert "api.boot_s" in caught.value.problems[0].suggestion
