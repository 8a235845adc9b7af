"""Regions, zones and distances."""

from __future__ import annotations

import pytest

from cwm_gym import catalog
from cwm_gym.compiler.regions import Places, distance_km
from cwm_gym.compiler.vertices import place
from cwm_gym.spec import Simulation, SpecError
from tests.compiler.compiling import document, resource


def places(*resources: dict[str, object]) -> Places:
    return Places(place(Simulation.model_validate(document(*resources))))


def test_distances_are_those_on_the_globe() -> None:
    one, other = (catalog.resolve_region("aws", name) for name in ("us-east-1", "eu-west-1"))
    assert distance_km(one, other) == pytest.approx(5500, rel=0.05)
    assert distance_km(one, one) == 0


def test_round_trips_lie_between_light_and_the_public_internet() -> None:
    stands = place(
        Simulation.model_validate(
            document(
                resource("a", region="us-east-1"),
                resource("b", region="us-west-2"),
                resource("c", provider="gcp"),
            )
        )
    )
    found = Places(stands)
    east, west, nowhere = stands
    kilometres = distance_km(found.region(east), found.region(west))
    assert 2 * kilometres / 200_000 < found.round_trip_s(east, west) < 4.2 * kilometres / 200_000
    assert found.round_trip_s(east, west) == found.round_trip_s(west, east)
    assert found.round_trip_s(east, nowhere) == found.round_trip_s(east, east) == 0


def test_who_states_no_region_stands_where_its_provider_does() -> None:
    stands = place(
        Simulation.model_validate(
            document(resource("a"), resource("b", region="use2"), resource("c", provider="gcp"))
        )
    )
    found = Places(stands)
    assert found.region(stands[0]).code == "us-east-2"
    assert found.known(stands[2]) is None
    assert [found.number(one) for one in stands] == [0, 0, 1]
    assert found.regions == ["us-east-2", "us-central1"]


def test_zones_that_are_named_alike_are_told_apart() -> None:
    stands = place(
        Simulation.model_validate(
            document(
                resource("a", provider="oci", region="us-phoenix-1"),
                resource("b", provider="oci", region="us-ashburn-1"),
            )
        )
    )
    found = Places(stands)
    for one in stands:
        found.zones_of(one)
    assert found.zones[found.find_zone("AD-2", stands[1], "")] == "us-ashburn-1/AD-2"
    assert found.zones[found.find_zone("us-phoenix-1/AD-2", None, "")] == "us-phoenix-1/AD-2"


def test_links_name_two_regions() -> None:
    found = places(resource("a", provider="digitalocean"), resource("b", region="us-east-1"))
    link = found.find_link("nyc3-sfo3-link")
    assert link is not None
    assert [found.regions[end] for end in link] == ["nyc3", "sfo3"]
    assert found.find_link("nyc3-us-east-1-link") is not None
    assert found.find_link("web-1") is None


def test_an_unknown_region_says_where_it_stands() -> None:
    for one, pointer in (
        (resource("a", region="mars-1"), "/resources/0/characteristics/region"),
        ({**resource("a"), "region": "mars-1"}, "/resources/0/region"),
    ):
        with pytest.raises(SpecError) as caught:
            places(one)
        assert caught.value.problems[0].pointer == pointer


def test_codes_of_regions_are_unique_across_providers() -> None:
    codes = [code for provider in catalog.providers() for code in catalog.load(provider).regions]
    assert len(set(codes)) == len(codes)
