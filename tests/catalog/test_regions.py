"""The rule behind the short codes of regions."""

from __future__ import annotations

import pytest

from cwm_gym.catalog import region_key


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("us-east-2", "use2"),
        ("ap-southeast-1", "apse1"),
        ("ca-central-1", "cac1"),
        ("us-central1", "usc1"),
        ("europe-west1", "euw1"),
        ("asia-south1", "aps1"),
        ("australia-southeast1", "ause1"),
        ("northamerica-northeast1", "nane1"),
        ("southamerica-east1", "sae1"),
        ("eastus", "use"),
        ("westus2", "usw2"),
        ("southcentralus", "ussc"),
        ("southeastasia", "apse"),
        ("germanywestcentral", "gewc"),
        ("us-ashburn-1", "usash1"),
        ("sa-saopaulo-1", "sasao1"),
        ("nyc3", "nyc3"),
    ],
)
def test_region_key(code: str, key: str) -> None:
    assert region_key(code) == key
