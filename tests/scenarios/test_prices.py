"""What the services cost at the start, against list prices added up by hand."""

from __future__ import annotations

import gymnasium as gym
import pytest

import cwm_gym
from tests.documents import ENV_ID

MONTH_H = 730.0

# Linux on demand, USD/h. AWS Price List API by way of karpenter-provider-aws@1d92708, us-east-1;
# eu-west-1 by apache-libcloud 3.9.1.
C5_LARGE, C5_XLARGE = 0.085, 0.17
M5_LARGE, M5_LARGE_IRELAND, R5_LARGE = 0.096, 0.107, 0.126
# On-demand prices less the savings of the Spot Instance Advisor, 2025-06-28.
C5_XLARGE_SPOT, M5_LARGE_SPOT = 0.17 * (1 - 0.56), 0.096 * (1 - 0.66)
# infracost's test data for us-east-1 (monthly prices over 730 h); db.r5.large by six of eight
# third-party tables. A standby doubles the price.
DB_M5_LARGE_HA, DB_R5_LARGE = 2 * 0.171, 0.24
ALB = NLB = 0.0225
EKS = 0.10
ACU = 0.12
S3_GB = 0.023 / MONTH_H
RDS_GB, RDS_GB_HA = 0.115 / MONTH_H, 0.23 / MONTH_H
# aws.amazon.com/lambda/pricing: provisioned concurrency, USD per GB and second.
LAMBDA_WARM_GB = 0.0000041667 * 3600

# skypilot-catalog@006059e and infracost's test data for us-central1.
N2_STANDARD_2, E2_STANDARD_2 = 0.097118, 0.067011
E2_STANDARD_4, E2_STANDARD_4_SPOT = 0.134023, 0.058794
VIRGINIA_INDEX = 1.1263
CLOUD_SQL_2, CLOUD_SQL_4_HA, CLOUD_SQL_SMALL = 0.13511, 0.5404, 0.035
CLOUD_SQL_GB, CLOUD_SQL_GB_HA = 0.17 / MONTH_H, 0.34 / MONTH_H
FORWARDING_RULE, GKE = 0.025, 0.10
GCS_GB = 0.02 / MONTH_H
# cloud.google.com/run/pricing: a minimum instance while idle, USD per vCPU and per GiB and second.
CLOUD_RUN_WARM = (1 * 0.0000025 + 4 * 0.0000025) * 3600

# Azure Retail Prices API by way of karpenter-provider-azure@352646f and infracost's test data,
# eastus.
D2S_V3, D4S_V3, F8S_V2 = 0.096, 0.192, 0.338
POSTGRES_D4S, SQL_GEN5_2, SQL_GEN5_4_HA = 0.39, 0.50437, 1.37404
AZURE_LB, AKS = 0.025, 0.10
BLOB_GB = 0.0208 / MONTH_H

# Oracle's price list (opencost@5f65333): an OCPU of E4 and of Standard3, a GB of memory.
E4_1_16, STANDARD3_4_64 = 0.025 + 16 * 0.0015, 4 * 0.04 + 64 * 0.0015
MYSQL_E4_1_8, ECPU = 0.0556, 0.336
OCI_LB = 0.0113
OCI_GB, ADB_GB = 0.0255 / MONTH_H, 0.1156 / MONTH_H

# api.digitalocean.com/v2/sizes and the pricing pages: monthly prices over 672 h; standby nodes
# cost as much as the primary.
S_2VCPU_4GB, C_2 = 24 / 672, 42 / 672
DO_DB_2VCPU, DO_DB_4VCPU = 60 / 672, 120 / 672
DO_LB, DOKS_HA, SPACES = 12 / 672, 40 / 672, 5 / MONTH_H

START = {
    "aws-aurora-flash-sale": 3 * M5_LARGE + 1 * ACU + ALB,
    "aws-black-friday": 3 * M5_LARGE + 2 * DB_R5_LARGE + 200 * RDS_GB_HA + ALB + 200 * S3_GB,
    "aws-cached-catalog": 7 * C5_LARGE + R5_LARGE + 2 * (DB_R5_LARGE + 100 * RDS_GB) + ALB,
    "aws-cdn-static-site": 3 * C5_XLARGE + ALB + 300 * S3_GB,
    "aws-eks-mixed": 7 * M5_LARGE_SPOT + 2 * M5_LARGE + EKS + DB_M5_LARGE_HA + 100 * RDS_GB_HA
    + ALB,
    "aws-lambda-api": 3 * 4 * LAMBDA_WARM_GB + ALB,
    "aws-spot-batch": 6 * C5_XLARGE_SPOT + 2 * C5_XLARGE + NLB + 500 * S3_GB,
    "aws-two-regions": 5 * M5_LARGE + 3 * M5_LARGE_IRELAND + DB_M5_LARGE_HA
    + 100 * RDS_GB_HA + 2 * ALB,
    "aws-web-app": 6 * M5_LARGE + DB_M5_LARGE_HA + ALB + 200 * S3_GB,
    "azure-connection-burst": 6 * D2S_V3 + SQL_GEN5_2 + AZURE_LB,
    "azure-incident-drill": 6 * D2S_V3 + SQL_GEN5_4_HA + AZURE_LB + 200 * BLOB_GB,
    "azure-ml-inference": 7 * F8S_V2 + AZURE_LB + 100 * BLOB_GB,
    "azure-product-launch": 3 * D4S_V3 + AKS + POSTGRES_D4S + AZURE_LB + 200 * BLOB_GB,
    "azure-web-app": 8 * D2S_V3 + POSTGRES_D4S + AZURE_LB + 200 * BLOB_GB,
    "digitalocean-doks-mixed": 6 * S_2VCPU_4GB + C_2 + DOKS_HA + 2 * DO_DB_4VCPU + DO_LB,
    "digitalocean-viral": 3 * S_2VCPU_4GB + DO_DB_2VCPU + DO_LB + SPACES,
    "digitalocean-web-app": 4 * S_2VCPU_4GB + DO_DB_4VCPU + DO_LB + SPACES,
    "gcp-cloud-run-api": 3 * CLOUD_RUN_WARM + CLOUD_SQL_SMALL + 10 * CLOUD_SQL_GB
    + FORWARDING_RULE,
    "gcp-gke-api": 7 * E2_STANDARD_2 + GKE + CLOUD_SQL_4_HA + 200 * CLOUD_SQL_GB_HA
    + FORWARDING_RULE,
    "gcp-spot-workers": 6 * E2_STANDARD_4 + 8 * E2_STANDARD_4_SPOT + 500 * GCS_GB,
    "gcp-web-app": 4 * N2_STANDARD_2 + CLOUD_SQL_2 + FORWARDING_RULE + 200 * GCS_GB,
    "multi-cloud-web": 6 * D2S_V3 + 3 * VIRGINIA_INDEX * N2_STANDARD_2 + POSTGRES_D4S + AZURE_LB,
    "oci-month-end": 4 * STANDARD3_4_64 + 2 * ECPU + 100 * ADB_GB + OCI_LB + 500 * OCI_GB,
    "oci-queue-workers": 14 * E4_1_16 + MYSQL_E4_1_8,
    "oci-web-app": 6 * E4_1_16 + MYSQL_E4_1_8 + OCI_LB + 200 * OCI_GB,
}  # fmt: skip
"""Without a request, USD/h."""

SECONDS = 3600.0
# 25 new connections a second in an LCU, a hundred requests on each.
LCU_RPS, LCU = 2500.0, 0.008

# Requests per second, instances that serve them, and what the requests cost an hour.
PER_REQUEST = {
    "aws-web-app": (5000.0, 12, 5000.0 / LCU_RPS * LCU),
    "aws-lambda-api": (
        2.0,
        20,
        # Invocations; 3 s in 4 GB; reads and writes of DynamoDB; the balancer.
        2.0 * SECONDS * 0.2e-6
        + 2.0 * SECONDS * 3.0 * 4.0 * 0.0000166667
        + 2.0 * SECONDS * (0.9 * 0.125e-6 + 0.1 * 0.625e-6)
        + 2.0 / LCU_RPS * LCU,
    ),
    "gcp-cloud-run-api": (
        2.0,
        20,
        # Invocations; 3 s on one vCPU with 4 GiB.
        2.0 * SECONDS * 0.4e-6 + 2.0 * SECONDS * 3.0 * (0.000024 + 4.0 * 0.0000025),
    ),
    "aws-cdn-static-site": (
        200.0,
        14,
        # HTTPS requests; 8 kB each through the edge; an LCU for each gigabyte of the misses.
        200.0 * SECONDS / 1e4 * 0.01
        + 200.0 * SECONDS * 8e-6 * 0.085
        + 0.3 * 200.0 * SECONDS * 8e-6 * LCU,
    ),
}


def usd_per_hour(name: str, rps: float, fleet: int | None = None, steps: int = 1) -> float:
    """Cost of the last of some steps at constant demand and without failures."""
    quiet = {"enableFailures": False}
    env = gym.make(ENV_ID, scenario=name, traffic=[rps] * (steps + 1), episode=quiet, faults=[])
    env.reset(seed=0, options={} if fleet is None else {"fleet": fleet})
    for _ in range(steps):
        _, _, _, _, info = env.step(0)
    env.close()
    return float(info["metrics"]["cost_usd_hr"])


def test_every_scenario_has_a_price() -> None:
    assert set(START) == set(cwm_gym.scenarios())


@pytest.mark.parametrize("name", START)
def test_the_start_costs_the_sum_of_its_list_prices(name: str) -> None:
    assert usd_per_hour(name, 0.0) == pytest.approx(START[name], rel=0.01)


@pytest.mark.parametrize("name", PER_REQUEST)
def test_requests_cost_what_they_are_listed_at(name: str) -> None:
    rps, fleet, expected = PER_REQUEST[name]
    difference = usd_per_hour(name, rps, fleet, steps=5) - usd_per_hour(name, 0.0, fleet)
    assert difference == pytest.approx(expected, rel=0.01)
