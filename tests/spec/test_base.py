from __future__ import annotations

import contextlib
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_gym.spec import (
    Action,
    AutoscalingConfig,
    BatchStepRequest,
    Characteristics,
    Document,
    EpisodeConfig,
    ErrorCode,
    Resource,
    Simulation,
    SpecError,
    TrafficForecast,
    TrafficPattern,
)

WEB = {"id": "web", "type": "compute", "name": "Web", "provider": "aws"}


def problems(cls: type[Document], data: Any) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        cls.model_validate(data)
    return [(problem.code.value, problem.pointer) for problem in caught.value.problems]


def test_both_spellings_are_read_and_camel_case_is_written() -> None:
    snake = EpisodeConfig.model_validate({"max_steps": 10, "tick_seconds": 30})
    camel = EpisodeConfig.model_validate({"maxSteps": 10, "tickSeconds": 30})
    assert snake == camel == EpisodeConfig(max_steps=10, tick_seconds=30)
    assert snake.to_document() == {"maxSteps": 10, "tick_seconds": 30}


def test_pointers_use_the_spelling_of_the_user() -> None:
    snake = {"max_steps": 0, "target_sla": {"max_latency_p95": -1, "maxErrorRate": 1}}
    assert [where for _, where in problems(EpisodeConfig, snake)] == [
        "/max_steps",
        "/target_sla/max_latency_p95",
    ]


def test_one_error_lists_everything_in_the_order_of_the_document() -> None:
    document = {
        "trafic": 3,
        "connections": [{"sourceId": "web", "targetId": "nowhere"}],
        "resources": [
            WEB | {"provider": "gce"},
            WEB | {"config": {"minInstances": 3, "maxInstances": 2}},
        ],
        "traffic": True,
    }
    assert problems(Simulation, document) == [
        ("INVALID_FIELD", "/trafic"),
        ("INVALID_FIELD", "/connections/0/targetId"),
        ("UNKNOWN_PROVIDER", "/resources/0/provider"),
        ("INVALID_FIELD", "/resources/1/id"),
        ("INVALID_FIELD", "/resources/1/config/minInstances"),
        ("INVALID_FIELD", "/traffic"),
        ("MISSING_REQUIRED", "/name"),
    ]


def test_an_unknown_provider_has_the_documented_message() -> None:
    with pytest.raises(SpecError) as caught:
        Simulation.model_validate({"name": "x", "resources": [WEB | {"provider": "gce"}]})
    (problem,) = caught.value.problems
    assert problem.code is ErrorCode.UNKNOWN_PROVIDER
    assert problem.pointer == "/resources/0/provider"
    assert problem.message == (
        "Unknown provider 'gce'; valid values are aws, gcp, azure, oci, digitalocean"
    )
    assert problem.suggestion == "Use one of: aws, gcp, azure, oci, digitalocean"


@pytest.mark.parametrize(
    ("written", "meant"), [("maxStep", "maxSteps"), ("cost_budget_hour", "costBudgetPerHour")]
)
def test_an_unknown_field_is_met_with_the_closest(written: str, meant: str) -> None:
    with pytest.raises(SpecError) as caught:
        EpisodeConfig.model_validate({written: 1})
    (problem,) = caught.value.problems
    assert problem.suggestion == f"Did you mean '{meant}'?"


def test_keys_are_escaped_in_pointers() -> None:
    assert problems(EpisodeConfig, {"a/b~c": 1}) == [("INVALID_FIELD", "/a~1b~0c")]


@pytest.mark.parametrize(
    ("cls", "first", "second", "value"),
    [
        (EpisodeConfig, "maxSteps", "max_steps", 5),
        (EpisodeConfig, "tick_seconds", "tickSeconds", 5),
        (Characteristics, "size", "instanceType", "m5.large"),
    ],
)
def test_a_field_in_two_spellings_is_refused(
    cls: type[Document], first: str, second: str, value: object
) -> None:
    with pytest.raises(SpecError, match=f"/{second}: Field '{second}' is given twice"):
        cls.model_validate({first: value, second: value})


@pytest.mark.parametrize("value", [True, "5", None, float("nan"), float("inf"), 10**400, [1], 2j])
def test_only_finite_numbers_are_numbers(value: object) -> None:
    assert problems(EpisodeConfig, {"costBudgetPerHour": value}) == [
        ("INVALID_FIELD", "/costBudgetPerHour")
    ]
    assert problems(EpisodeConfig, {"maxSteps": value}) == [("INVALID_FIELD", "/maxSteps")]


def test_whole_floats_and_numpy_numbers_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    config = EpisodeConfig(max_steps=numpy.int64(7), cost_budget_per_hour=numpy.float32(2.5))
    assert config == EpisodeConfig.model_validate({"maxSteps": 7.0, "costBudgetPerHour": 2.5})
    assert type(config.max_steps) is int
    assert type(config.cost_budget_per_hour) is float
    assert problems(EpisodeConfig, {"maxSteps": 7.5}) == [("INVALID_FIELD", "/maxSteps")]


@pytest.mark.parametrize("value", [1, "true", None])
def test_only_booleans_are_flags(value: object) -> None:
    assert problems(EpisodeConfig, {"enableFailures": value}) == [
        ("INVALID_FIELD", "/enableFailures")
    ]


@pytest.mark.parametrize("value", [5, "text", None, [1], object()])
def test_what_is_not_an_object_is_an_invalid_request(value: object) -> None:
    assert problems(Simulation, value) == [("INVALID_REQUEST", "")]


def test_messages_speak_of_json() -> None:
    with pytest.raises(SpecError, match="/resources: resources must be a list; got 'web'"):
        Simulation.model_validate({"name": "x", "resources": "web"})
    with pytest.raises(SpecError, match="/name: name must be a string; got 5"):
        Simulation.model_validate({"name": 5, "resources": [WEB]})


def test_a_part_that_is_not_an_object_is_an_invalid_field() -> None:
    assert problems(Simulation, {"name": "x", "resources": [5]}) == [
        ("INVALID_FIELD", "/resources/0")
    ]


@pytest.mark.parametrize(
    "text", ["", "  ", "{", '{"maxSteps": 1, "maxSteps": 2}', b"\xff\xfe", "[" * 100_000]
)
def test_bad_json_is_an_invalid_request(text: str | bytes) -> None:
    with pytest.raises(SpecError) as caught:
        EpisodeConfig.model_validate_json(text)
    (problem,) = caught.value.problems
    assert (problem.code, problem.pointer) == (ErrorCode.INVALID_REQUEST, "")


def test_json_text_is_read() -> None:
    assert EpisodeConfig.model_validate_json(b'{"maxSteps": 5}').max_steps == 5
    with pytest.raises(SpecError, match="/maxSteps: maxSteps must be a finite number"):
        EpisodeConfig.model_validate_json('{"maxSteps": NaN}')


def test_the_constructor_raises_the_same_error() -> None:
    with pytest.raises(SpecError) as caught:
        EpisodeConfig(max_steps=0, cost_budget_per_hour=0)
    assert [p.pointer for p in caught.value.problems] == ["/max_steps", "/cost_budget_per_hour"]
    with pytest.raises(SpecError, match="/resources/0: Resource must be a JSON object"):
        Simulation(name="x", resources=("web",))


def test_documents_are_frozen_hashable_and_picklable() -> None:
    simulation = Simulation.model_validate({"name": "x", "resources": [WEB], "reward": "dollars"})
    with pytest.raises(ValueError, match="frozen"):
        simulation.traffic = 5.0  # type: ignore[misc]
    copy = pickle.loads(pickle.dumps(simulation))
    assert copy == simulation
    assert hash(copy) == hash(simulation)
    assert copy.model_fields_set == simulation.model_fields_set


def test_errors_are_picklable() -> None:
    with pytest.raises(SpecError) as caught:
        EpisodeConfig(max_steps=0)
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_set_is_told_from_default_also_after_a_round_trip() -> None:
    config = EpisodeConfig.model_validate({"initialTraffic": 1000})
    again = EpisodeConfig.model_validate(config.to_document())
    for each in (config, again):
        assert each.is_set("initial_traffic")
        assert not each.is_set("cost_budget_per_hour")
    assert not AutoscalingConfig.model_validate({"cooldownSeconds": None}).is_set(
        "cooldown_seconds"
    )


def test_patching_replaces_resets_and_validates() -> None:
    config = EpisodeConfig(max_steps=5, initial_traffic=10)
    changed = config.patched({"max_steps": 6, "initialTraffic": None})
    assert changed == EpisodeConfig(max_steps=6)
    assert not changed.is_set("initial_traffic")
    with pytest.raises(SpecError, match="/maxSteps"):
        config.patched({"maxSteps": 0})
    with pytest.raises(SpecError, match="Unknown field 'steps'"):
        config.patched({"steps": None})


def test_an_instance_is_returned_as_it_is() -> None:
    config = EpisodeConfig(max_steps=5)
    assert EpisodeConfig.model_validate(config) is config


positive = st.floats(min_value=1e-9, max_value=1e12)
counts = st.integers(min_value=1, max_value=10**6)
text = st.text(min_size=1, max_size=8)
episodes = st.fixed_dictionaries(
    {},
    optional={
        "maxSteps": counts,
        "initialTraffic": positive,
        "targetSLA": st.fixed_dictionaries(
            {"maxLatencyP95": positive, "maxErrorRate": st.floats(1e-6, 100.0)}
        ),
        "tick_seconds": st.integers(1, 3600),
        "targetTrafficPattern": st.sampled_from(["ramp", "wave", "burst"]),
    },
)
resources = st.fixed_dictionaries(
    {
        "id": text,
        "type": st.sampled_from(["compute", "database", "cache"]),
        "name": st.text(max_size=8),
        "provider": st.sampled_from(["aws", "oci"]),
    },
    optional={
        "characteristics": st.fixed_dictionaries(
            {},
            optional={
                "size": text,
                "baseLatency": positive,
                "cacheHitRate": st.floats(0.0, 1.0),
                "autoscaling": st.booleans(),
                "zones": st.lists(text, min_size=1, unique=True),
                "nodePools": st.lists(st.fixed_dictionaries({"nodeCount": counts}), min_size=1),
            },
        ),
        "recoveryPolicy": st.fixed_dictionaries({"criticalSteps": counts}),
        "instances": counts,
    },
)


@settings(max_examples=40, deadline=None)
@given(episode=episodes, parts=st.lists(resources, min_size=1, unique_by=lambda r: r["id"]))
def test_round_trips(episode: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    simulation = Simulation.model_validate({"name": "x", "resources": parts, "episode": episode})
    assert simulation.to_document()["episode"] == episode
    assert Simulation.model_validate(simulation.to_document()) == simulation
    full = simulation.model_dump(by_alias=True, exclude_none=True)
    assert Simulation.model_validate(full) == simulation
    assert Simulation.model_validate_json(simulation.model_dump_json(by_alias=True)) == simulation
    assert Simulation.model_validate(simulation.model_dump()) == simulation


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "a", "ramp"])
)


def parts(cls: type[Document]) -> list[str]:
    """Names of the fields of a document and of the documents inside it."""
    definitions = cls.model_json_schema()
    inner = [definitions, *definitions.get("$defs", {}).values()]
    return sorted({name for part in inner for name in part.get("properties", {})})


@pytest.mark.parametrize(
    "cls", [Simulation, Resource, TrafficPattern, Action, TrafficForecast], ids=lambda c: c.__name__
)
def test_whatever_is_wrong_raises_only_the_one_error(cls: type[Document]) -> None:
    names = parts(cls)

    @settings(max_examples=60, deadline=None, database=None)
    @given(
        st.recursive(
            leaves,
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(names), inner, max_size=6)
            ),
            max_leaves=15,
        )
    )
    def attempt(data: Any) -> None:
        with contextlib.suppress(SpecError):
            cls.model_validate(data)
        for name in cls.model_fields:
            with contextlib.suppress(SpecError):
                cls.model_validate({name: data, "type": "ramp"})

    attempt()


def test_every_document_has_a_described_schema() -> None:
    schema = Simulation.model_json_schema()
    resource = schema["$defs"]["Resource"]["properties"]
    assert resource["id"]["description"]
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"name", "resources"}
    for definition in schema["$defs"].values():
        for name, field in definition.get("properties", {}).items():
            assert field.get("description"), name


def test_resource_subclassing_keeps_the_one_error() -> None:
    class Custom(Resource):
        """With one more field."""

        note: str = ""

    assert Custom.model_validate(WEB | {"note": "n"}).note == "n"
    assert problems(Custom, WEB | {"notes": "n"}) == [("INVALID_FIELD", "/notes")]


def test_a_wrong_item_is_not_also_an_empty_list() -> None:
    steps = {"steps": [{"action": {"type": "no_op"}, "tick_seconds": 0}]}
    assert problems(BatchStepRequest, steps) == [("INVALID_FIELD", "/steps/0/tick_seconds")]
    with pytest.raises(SpecError, match="/steps: steps must have at least 1 item"):
        BatchStepRequest(steps=())
