"""Every row of the reference price list equals the catalog."""

from __future__ import annotations

import csv
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import pytest

from cwm_gym import catalog
from cwm_gym.catalog import DatabaseSize, Provider

DATABASE_NAMES = {
    ("cloud-sql", "db-standard-2"): "db-custom-2-7680",
    ("cloud-sql", "db-standard-4"): "db-custom-4-15360",
    ("cloud-spanner", "1000PU(1 node)"): "spanner-node",
    ("bigtable-ssd", "1 node"): "bigtable-ssd-node",
    ("bigtable-hdd", "1 node"): "bigtable-hdd-node",
    ("azure-sql", "sql-basic (Basic, 5 DTU)"): "Basic",
    ("azure-sql", "sql-s2 (S2, 50 DTU)"): "S2",
    ("mysql-heatwave", "MySQL HeatWave: DB node + 1 HeatWave node"): "mysql-heatwave",
    ("autonomous-db", "autonomous-db-std: ATP 1 OCPU"): "ATP-1-OCPU",
    ("autonomous-db", "ATP 2 ECPU (minimum)"): "ATP-2-ECPU",
}

# Row of network_storage.csv or kubernetes_serverless.csv -> where the figure stands in a catalog;
# a mapping is entered by [key].
RATES = {
    ("aws", "elb", "Application LB"): "load_balancers[alb].usd_per_hour",
    ("aws", "elb", "Application LB LCU"): "load_balancers[alb].unit.usd_per_hour",
    ("aws", "elb", "Network LB"): "load_balancers[nlb].usd_per_hour",
    ("aws", "elb", "Network LB NLCU"): "load_balancers[nlb].unit.usd_per_hour",
    ("aws", "elb", "Classic LB"): "load_balancers[clb].usd_per_hour",
    ("aws", "nat", "NAT gateway"): "other[nat-gateway].usd",
    ("aws", "cloudfront", "CDN egress first 10 TB (US/EU)"): "cdns[cloudfront].usd_per_gb",
    ("aws", "s3", "Standard storage"): "storage[s3-standard].usd_per_gb_month",
    ("aws", "ebs", "gp3 storage"): "storage[gp3].usd_per_gb_month",
    ("aws", "ebs", "gp3 extra IOPS"): "storage[gp3].usd_per_iops_month",
    ("aws", "ebs", "gp3 extra throughput"): "storage[gp3].usd_per_mbps_month",
    ("aws", "ebs", "gp2 storage"): "storage[gp2].usd_per_gb_month",
    ("aws", "ebs", "io1/io2 storage"): "storage[io2].usd_per_gb_month",
    ("aws", "rds", "RDS gp2/gp3 storage"): "storage[rds-storage].usd_per_gb_month",
    ("aws", "aurora", "Aurora storage"): "storage[aurora-storage].usd_per_gb_month",
    ("aws", "egress", "Internet first 10 TB"): "egress.internet_usd_per_gb()",
    ("aws", "egress", "Inter-region"): "egress.inter_region_usd_per_gb",
    ("aws", "egress", "Inter-AZ (each direction)"): "egress.inter_zone_usd_per_gb",
    ("aws", "eks", "Control plane (standard support)"): "kubernetes.usd_per_cluster_hour",
    ("aws", "fargate", "vCPU"): "serverless[fargate].usd_per_vcpu_hour",
    ("aws", "fargate", "Memory"): "serverless[fargate].usd_per_gb_hour",
    ("aws", "lambda", "Requests"): "serverless[lambda].usd_per_million_requests",
    ("aws", "lambda", "Duration x86"): "serverless[lambda].usd_per_gb_second",
    ("aws", "aurora-serverless", "Aurora Serverless v2"): "capacity_units.usd_per_unit_hour",
    (
        "gcp",
        "cloud-load-balancing",
        "Forwarding rule",
    ): "load_balancers[forwarding-rule].usd_per_hour",
    ("gcp", "cloud-load-balancing", "Data processed"): "load_balancers[forwarding-rule].usd_per_gb",
    ("gcp", "cloud-nat", "NAT per VM"): "other[cloud-nat].usd",
    ("gcp", "cloud-cdn", "Cache egress first 10 TB (NA/EU)"): "cdns[cloud-cdn].usd_per_gb",
    ("gcp", "gcs", "Standard storage, region"): "storage[gcs-standard].usd_per_gb_month",
    ("gcp", "pd", "pd-standard"): "storage[pd-standard].usd_per_gb_month",
    ("gcp", "pd", "pd-balanced"): "storage[pd-balanced].usd_per_gb_month",
    ("gcp", "pd", "pd-ssd"): "storage[pd-ssd].usd_per_gb_month",
    ("gcp", "egress", "Internet premium tier first 1 TB"): "egress.internet_usd_per_gb()",
    ("gcp", "egress", "Same continent, inter-region"): "egress.inter_region_usd_per_gb",
    ("gcp", "gke", "Cluster management fee"): "kubernetes.usd_per_cluster_hour",
    ("gcp", "cloud-run", "CPU, request-based, tier 1"): "serverless[cloud-run].usd_per_vcpu_second",
    (
        "gcp",
        "cloud-run",
        "Memory, request-based, tier 1",
    ): "serverless[cloud-run].usd_per_gb_second",
    (
        "gcp",
        "cloud-run",
        "CPU, instance-based, tier 1",
    ): "serverless[cloud-run-instance].usd_per_vcpu_second",
    (
        "gcp",
        "cloud-run",
        "Memory, instance-based, tier 1",
    ): "serverless[cloud-run-instance].usd_per_gb_second",
    ("gcp", "cloud-run", "Requests"): "serverless[cloud-run].usd_per_million_requests",
    ("gcp", "cloud-functions", "CPU"): "serverless[cloud-functions].usd_per_ghz_second",
    ("azure", "azure-lb", "Standard LB, first 5 rules"): "load_balancers[azure-lb].usd_per_hour",
    (
        "azure",
        "azure-lb",
        "Standard LB, additional rule",
    ): "load_balancers[azure-lb].additional_rule_usd_per_hour",
    ("azure", "azure-lb", "Data processed"): "load_balancers[azure-lb].usd_per_gb",
    (
        "azure",
        "azure-appgw",
        "Application Gateway basic v2",
    ): "load_balancers[appgw-basic].usd_per_hour",
    ("azure", "public-ip", "Standard static IP"): "other[public-ip].usd",
    ("azure", "azure-cdn", "Microsoft CDN first 10 TB"): "cdns[azure-cdn].usd_per_gb",
    ("azure", "blob-storage", "Hot LRS first 50 TB"): "storage[blob-hot].usd_per_gb_month",
    ("azure", "managed-disk", "Premium SSD P4 32 GiB"): "storage[premium-p4].usd_per_month",
    ("azure", "managed-disk", "Premium SSD P10 128 GiB"): "storage[premium-p10].usd_per_month",
    ("azure", "managed-disk", "Standard HDD S4 32 GiB"): "storage[standard-hdd-s4].usd_per_month",
    ("azure", "managed-disk", "Standard SSD E30 1 TiB"): "storage[standard-ssd-e30].usd_per_month",
    ("azure", "egress", "Internet, 100 GB-10 TB"): "egress.internet_usd_per_gb()",
    ("azure", "aks", "Standard tier (uptime SLA)"): "kubernetes.usd_per_cluster_hour",
    (
        "azure",
        "azure-functions",
        "Consumption execution",
    ): "serverless[azure-functions].usd_per_gb_second",
    (
        "azure",
        "azure-functions",
        "Executions",
    ): "serverless[azure-functions].usd_per_million_requests",
    ("azure", "azure-functions", "Premium EP1"): "serverless[azure-functions-ep1].usd_per_hour",
    ("oci", "oci-lb", "Flexible LB base"): "load_balancers[oci-lb].usd_per_hour",
    ("oci", "oci-lb", "Flexible LB bandwidth"): "load_balancers[oci-lb].unit.usd_per_hour",
    ("oci", "object-storage", "Standard"): "storage[object-standard].usd_per_gb_month",
    ("oci", "block-volume", "Storage"): "storage[block-balanced].usd_per_gb_month",
    (
        "oci",
        "block-volume",
        "Performance units",
    ): "storage[block-balanced].usd_per_performance_unit_month",
    (
        "oci",
        "egress",
        "Internet beyond 10 TB/month (NA, EU, UK)",
    ): "egress.internet_usd_per_gb()",
    ("oci", "oke", "Enhanced cluster"): "kubernetes.usd_per_cluster_hour",
    ("oci", "oci-functions", "Execution"): "serverless[oci-functions].usd_per_gb_second",
    ("oci", "oci-functions", "Invocations"): "serverless[oci-functions].usd_per_million_requests",
    (
        "oci",
        "oci-container",
        "Container instance E4 OCPU",
    ): "serverless[oci-container].usd_per_ocpu_hour",
    (
        "digitalocean",
        "load_balancer",
        "Regional LB node",
    ): "load_balancers[load-balancer].usd_per_hour",
    ("digitalocean", "spaces", "Subscription"): "storage[spaces].usd_per_month",
    ("digitalocean", "spaces", "Extra storage"): "storage[spaces].usd_per_gb_month",
    ("digitalocean", "volumes", "Block storage"): "storage[volumes].usd_per_gb_month",
    (
        "digitalocean",
        "egress",
        "Outbound beyond pooled allowance",
    ): "egress.internet_usd_per_gb()",
    ("digitalocean", "doks", "Control plane"): "kubernetes.usd_per_cluster_hour",
    ("digitalocean", "functions", "Execution"): "serverless[functions].usd_per_gb_second",
    ("digitalocean", "app-platform", "basic-xxs"): "serverless[basic-xxs].usd_per_month",
}


def rows(shared: Path, name: str) -> list[dict[str, str]]:
    with (shared / "catalog" / name).open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert found
    return found


def optional(cell: str, kind: Callable[[str], float] = float) -> float | None:
    return kind(cell) if cell else None


def test_compute_prices(shared: Path) -> None:
    table = rows(shared, "compute.csv")
    for row in table:
        provider, name, region = row["provider"], row["size"], row["region"]
        size = catalog.resolve_size(provider, name, "compute")
        assert size.name == name
        assert size.service_family == row["service_family"]
        assert (size.vcpu, size.memory_gib) == (float(row["vcpu"]), float(row["memory_gib"]))
        assert catalog.price(provider, name, region) == float(row["on_demand_usd_hr"]), row
        if row["spot_usd_hr"]:
            assert catalog.price(provider, name, region, "spot") == float(row["spot_usd_hr"]), row
        if row["network_gbps"]:
            assert size.network_gbps == float(row["network_gbps"])
            if "net: memory" in row["source"]:
                assert not size.verified("network_gbps")
    known = {(name, size) for name in catalog.providers() for size in catalog.load(name).compute}
    assert known == {(row["provider"], row["size"]) for row in table}


def database(row: dict[str, str]) -> DatabaseSize:
    family, name = row["service_family"], row["size"]
    name = DATABASE_NAMES.get((family, name), name)
    name = name.split(" (")[0]
    if family == "autonomous-db":
        name = name.replace(" ", "-")
    engine = row["engine"].split("/")[0]
    return catalog.resolve_size(
        row["provider"], name, "database", service_family=family, engine=engine
    )


def test_database_prices(shared: Path) -> None:
    table = rows(shared, "database.csv")
    found = []
    for row in table:
        size = database(row)
        found.append((row["provider"], size.service_family, size.name, size.engine))
        assert size.vcpu == optional(row["vcpu"]), row
        assert size.memory_gib == optional(row["memory_gib"]), row
        assert size.usd_per_hour == optional(row["usd_hr_single"]), row
        assert size.ha_usd_per_hour == optional(row["usd_hr_ha"]), row
        assert size.max_connections == optional(row["max_connections"], int), row
        if row["source"].startswith("memory") and size.usd_per_hour is not None:
            assert not size.verified("usd_per_hour"), row
    known = {
        (name, size.service_family, size.name, size.engine)
        for name in catalog.providers()
        for size in catalog.load(name).databases
    }
    assert len(found) == len(known)
    assert set(found) == known


def figure(provider: Provider, path: str) -> float:
    """Follow ``mapping[key].name.name`` into a catalog; ``()`` at the end calls."""
    value: object = provider
    for step in path.replace("]", "").split("."):
        name, _, key = step.partition("[")
        value = attrgetter(name.removesuffix("()"))(value)
        if key:
            value = value[key]  # type: ignore[index]
        if step.endswith("()"):
            value = value()  # type: ignore[operator]
    assert isinstance(value, int | float)
    return value


@pytest.mark.parametrize("name", ["network_storage.csv", "kubernetes_serverless.csv"])
def test_rates(shared: Path, name: str) -> None:
    for row in rows(shared, name):
        path = RATES[row["provider"], row["service_family"], row["item"]]
        assert figure(catalog.load(row["provider"]), path) == float(row["usd"]), row


def test_rates_from_memory_are_not_verified(shared: Path) -> None:
    checked = 0
    for name in ("network_storage.csv", "kubernetes_serverless.csv"):
        for row in rows(shared, name):
            path = RATES[row["provider"], row["service_family"], row["item"]]
            record, _, field = path.rpartition(".")
            field = field.replace("internet_usd_per_gb()", "internet")
            holder: object = catalog.load(row["provider"])
            for step in record.replace("]", "").split("."):
                attribute, _, key = step.partition("[")
                holder = getattr(holder, attribute)
                holder = holder[key] if key else holder
            if isinstance(holder, catalog.Cdn):
                field = "egress"
            assert isinstance(holder, catalog.Figures)
            assert holder.verified(field) == (not row["source"].startswith("memory")), row
            checked += 1
    assert checked == len(RATES)


def test_regions(shared: Path) -> None:
    table = rows(shared, "regions.csv")
    for row in table:
        region = catalog.load(row["provider"]).regions[row["region"]]
        assert region.label == row["label"]
        assert list(region.zones) == [zone for zone in row["zones"].split(";") if zone]
        assert region.price_index == float(row["price_index"])
        assert (region.lat, region.lon) == (float(row["lat"]), float(row["lon"]))
        assert not region.verified("lat")
        assert region.verified("price_index")
    assert len(table) == sum(len(catalog.load(name).regions) for name in catalog.providers())


def test_spot_quotes(shared: Path) -> None:
    for row in rows(shared, "spot.csv"):
        provider = row["provider"]
        spot = catalog.load(provider).spot
        if row["size"] == "(none)":
            assert spot is None
            continue
        assert spot is not None
        assert spot.notice_seconds == float(row["notice_s"])
        region = None if row["region"] == "all" else row["region"]
        quote = catalog.spot_quote(provider, row["size"], region)
        # Providers without an advisor are listed with discounts rounded to 0.1 %.
        assert quote.discount == pytest.approx(float(row["typical_discount_pct"]) / 100, abs=6e-4)
        assert quote.band == row["interruption_band_30d"], row


def test_timing(shared: Path) -> None:
    for row in rows(shared, "timing.csv"):
        if row["service"] != "compute":
            continue
        found = catalog.load(row["provider"])
        published = [
            found.timing.boot_seconds,
            *(b.seconds for b in found.timing.boot_alternatives),
        ]
        for column in ("seed_warmup_s", "measured_warmup_s"):
            if row[column]:
                assert float(row[column]) in published
        assert found.timing.cooldown_default_seconds == optional(row["default_cooldown_s"])
        assert (found.spot.notice_seconds if found.spot else None) == optional(row["spot_notice_s"])
