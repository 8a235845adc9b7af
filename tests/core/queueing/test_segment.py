from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwm_gym.core import queueing
from cwm_gym.core.jit import standalone
from cwm_gym.core.queueing import BACKEND, CENTRAL, RANDOM, new_workspace

begin_mixture = standalone(queueing.begin_mixture)
mixture_mean = standalone(queueing.mixture_mean)
mixture_quantile = standalone(queueing.mixture_quantile)
_serve = standalone(queueing.serve_segment)
STAGES = np.array([BACKEND, BACKEND + 1])


def serve_segment(workspace: Any, pools: int, stages: int, dt: float) -> None:
    _serve(workspace, pools, STAGES, stages, dt)


def fill(service: Any, **values: float) -> None:
    defaults = {
        "arrival_rps": 80.0,
        "servers": 10.0,
        "service_rate": 10.0,
        "cs2": 1.0,
        "queues": 1.0,
        "room": math.inf,
        "timeout_s": math.inf,
        "connections": 50.0,
        "entry": 1,
    }
    for name in service.dtype.names:
        service[name] = values.get(name, defaults.get(name, 0.0))


def run(workspace: Any, segments: int = 1, dt: float = 60.0, stages: int = 0) -> Any:
    for _ in range(segments):
        begin_mixture(workspace)
        serve_segment(workspace, 1, stages, dt)
    return workspace["tier"][0]


def erlang_c(servers: int, load: float) -> float:
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = servers * load * blocked / (k + servers * load * blocked)
    return blocked / (1.0 - load * (1.0 - blocked))


@pytest.mark.parametrize("servers", [1, 4, 30])
@pytest.mark.parametrize("load", [0.4, 0.7, 0.9])
def test_steady_state_is_that_of_the_erlang_c_model(servers: int, load: float) -> None:
    workspace = new_workspace()[0]
    fill(workspace["tier"][0]["service"], servers=servers, arrival_rps=load * servers * 10.0)
    tier = run(workspace, segments=20)
    wait = erlang_c(servers, load) / (servers * 10.0 * (1.0 - load))
    assert mixture_mean(workspace) == pytest.approx(0.1 + wait, rel=0.01)
    assert tier["flow"]["queue_mean"] == pytest.approx(load * servers * 10.0 * wait, rel=0.01)
    assert tier["flow"]["utilisation"] == pytest.approx(load, rel=1e-6)


def test_quantiles_of_a_single_server() -> None:
    workspace = new_workspace()[0]
    fill(workspace["tier"][0]["service"], servers=1.0, arrival_rps=6.0)
    run(workspace, segments=20)
    # Sojourn times of M/M/1 are exponential with rate mu - lambda.
    for q in (0.5, 0.95, 0.99):
        assert mixture_quantile(workspace, q) == pytest.approx(-math.log(1 - q) / 4.0, rel=0.03)


@pytest.mark.parametrize("load", [1.1, 1.5, 3.0])
@pytest.mark.parametrize("cs2", [0.5, 1.0, 4.0])
def test_overload_loses_exactly_the_excess(load: float, cs2: float) -> None:
    workspace = new_workspace()[0]
    fill(workspace["tier"][0]["service"], arrival_rps=100.0 * load, timeout_s=5.0, cs2=cs2)
    flow = run(workspace, segments=20)["flow"]
    assert flow["timed_out"] / flow["offered"] == pytest.approx(1.0 - 1.0 / load, rel=0.01)
    assert flow["utilisation"] == pytest.approx(1.0, rel=1e-3)


def test_an_ample_queue_is_a_fluid_under_overload() -> None:
    workspace = new_workspace()[0]
    fill(workspace["tier"][0]["service"], arrival_rps=150.0)
    tier = run(workspace)
    # 50 requests per second pile up for 60 s; what noise adds is of the order of its root.
    assert tier["queue"]["waiting"] == pytest.approx(3000.0, rel=0.02)
    assert mixture_quantile(workspace, 0.5) == pytest.approx(10.0, rel=0.03)


def test_without_servers_everything_waits_and_then_times_out() -> None:
    workspace = new_workspace()[0]
    fill(workspace["tier"][0]["service"], servers=0.0, arrival_rps=10.0, timeout_s=5.0)
    flow = run(workspace, dt=2.0)["flow"]
    assert flow["completed"] == 0.0
    assert flow["timed_out"] == 0.0
    assert workspace["tier"][0]["queue"]["waiting"] == pytest.approx(20.0)
    flow = run(workspace, dt=10.0)["flow"]
    assert flow["timed_out"] == pytest.approx(70.0)
    assert workspace["tier"][0]["queue"]["waiting"] == pytest.approx(50.0)
    assert mixture_quantile(workspace, 0.95) == 0.0


def test_an_idle_tier_stays_empty() -> None:
    workspace = new_workspace()[0]
    fill(workspace["tier"][0]["service"], arrival_rps=0.0)
    tier = run(workspace, segments=3)
    assert tier["queue"]["waiting"] == 0.0
    assert tier["flow"]["utilisation"] == 0.0
    assert mixture_mean(workspace) == 0.0


def test_aborted_requests_leave_service_and_do_not_complete() -> None:
    workspace = new_workspace()[0]
    service = workspace["tier"][0]["service"]
    fill(service)
    run(workspace, segments=5)
    in_service = float(workspace["tier"][0]["queue"]["in_service"])
    assert in_service == pytest.approx(8.0, rel=0.01)
    service["aborted"] = 3.0
    flow = run(workspace)["flow"]
    assert flow["aborted"] == 3.0
    service["aborted"] = 1e6
    flow = run(workspace)["flow"]
    assert flow["aborted"] == pytest.approx(in_service, rel=0.01)


def test_random_balancing_waits_longer_than_one_queue() -> None:
    means = []
    for balancing, queues in ((CENTRAL, 1.0), (RANDOM, 10.0)):
        workspace = new_workspace()[0]
        fill(workspace["tier"][0]["service"], balancing=balancing, queues=queues)
        run(workspace, segments=10)
        means.append(mixture_mean(workspace))
    assert means[1] == pytest.approx(1.0 / (10.0 - 8.0), rel=0.01)  # M/M/1 each
    assert means[0] < 0.5 * means[1]


def test_the_database_gets_the_visits_and_adds_its_latency() -> None:
    workspace = new_workspace()[0]
    fill(workspace["tier"][0]["service"], extra_mean_s=0.5)
    fill(workspace["tier"][BACKEND]["service"], servers=4.0, service_rate=10.0, connections=4.0)
    workspace["visit"][0, BACKEND] = 0.25
    run(workspace, segments=10, stages=1)
    back = workspace["tier"][BACKEND]["flow"]
    assert back["offered"] == pytest.approx(0.25 * 80.0 * 60.0, rel=1e-3)
    assert back["utilisation"] == pytest.approx(0.5, rel=1e-3)
    assert back["active_connections"] == pytest.approx(2.0, rel=1e-3)
    front = 0.1 + erlang_c(10, 0.8) / 20.0
    database = 0.1 + erlang_c(4, 0.5) / 20.0
    assert mixture_mean(workspace) == pytest.approx(0.5 + front + 0.25 * database, rel=0.01)


def test_waiting_queries_hold_the_spare_connections() -> None:
    active = []
    for connections in (1.0, 3.0, 1000.0):
        workspace = new_workspace()[0]
        fill(workspace["tier"][0]["service"], servers=100.0)
        workspace["visit"][0, BACKEND] = 1.0
        service = workspace["tier"][BACKEND]["service"]
        fill(service, servers=1.0, service_rate=100.0, connections=connections)
        run(workspace, segments=20, stages=1)
        active.append(float(workspace["tier"][BACKEND]["flow"]["active_connections"]))
    # M/M/1 with load 0.8: E[min(N, C)] = rho (1 - rho^C) / (1 - rho)
    expected = [0.8, 0.8 * (1 - 0.8**3) / 0.2, 4.0]
    np.testing.assert_allclose(active, expected, rtol=0.02)


rates = st.one_of(st.just(0.0), st.floats(-6.0, 6.0).map(lambda e: 10.0**e))
limits = st.one_of(st.just(math.inf), st.floats(-2.0, 4.0).map(lambda e: 10.0**e))
services = st.fixed_dictionaries(
    {
        "arrival_rps": rates,
        "servers": st.one_of(st.just(0.0), st.floats(0.001, 1000.0)),
        "service_rate": st.floats(-2.0, 4.0).map(lambda e: 10.0**e),
        "cs2": st.floats(0.05, 8.0),
        "lognormal": st.integers(0, 1),
        "balancing": st.integers(0, 2),
        "queues": st.integers(1, 30).map(float),
        "room": st.one_of(st.just(0.0), limits),
        "timeout_s": limits,
        "aborted": st.sampled_from([0.0, 0.5, 100.0]),
        "connections": st.floats(0.0, 1000.0),
    }
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    tiers=st.lists(services, min_size=2, max_size=5),
    stages=st.integers(0, 2),
    visits=st.lists(st.floats(0.0, 1.0), min_size=10, max_size=10),
    refused=st.sampled_from([0.0, 0.3, 1.0]),
    history=st.lists(st.tuples(st.floats(0.3, 2.0), st.floats(0.01, 60.0)), max_size=6),
)
def test_any_input_conserves_requests_and_stays_finite(
    tiers: list[dict[str, float]],
    stages: int,
    visits: list[float],
    refused: float,
    history: list[tuple[float, float]],
) -> None:
    workspace = new_workspace()[0]
    stages = min(stages, len(tiers) - 1)
    pools = len(tiers) - stages
    used = [*range(pools), *STAGES[:stages].tolist()]
    for index, values in zip(used, tiers, strict=True):
        fill(workspace["tier"][index]["service"], **values)
        if index >= BACKEND:
            service = workspace["tier"][index]["service"]
            service["balancing"], service["refused_share"] = CENTRAL, refused
    workspace["visit"][:pools, BACKEND : BACKEND + 2] = np.reshape(visits, (5, 2))[:pools]
    begin_mixture(workspace)
    finished = 0.0
    for factor, dt in history:
        for index in used:
            workspace["tier"][index]["service"]["servers"] *= factor
            workspace["tier"][index]["service"]["arrival_rps"] *= 1.5 - 0.5 * factor
        before = [workspace["tier"][index]["queue"].copy() for index in used]
        serve_segment(workspace, pools, stages, dt)
        entered = left_over = 0.0
        for index, was in zip(used, before, strict=True):
            flow = workspace["tier"][index]["flow"]
            queue = workspace["tier"][index]["queue"]
            for record in (flow, queue):
                values_now = np.array(record.tolist())
                assert np.isfinite(values_now).all()
                assert (values_now >= 0.0).all()
            total = was["waiting"] + flow["offered"]
            left = flow["served"] + flow["timed_out"] + flow["rejected"] + queue["waiting"]
            assert left == pytest.approx(total, rel=1e-9, abs=1e-12)
            inside = was["in_service"] + flow["served"]
            done = flow["completed"] + flow["aborted"] + queue["in_service"]
            assert done == pytest.approx(inside, rel=1e-9, abs=1e-12)
            assert flow["utilisation"] <= 1.0
            entered += was["waiting"] + was["in_service"]
            left_over += queue["waiting"] + queue["in_service"] + flow["timed_out"]
            left_over += flow["rejected"] + flow["aborted"] + flow["refused"]
            if index < BACKEND:
                entered += flow["offered"]
        passed = workspace["passing"][:pools]
        assert (passed >= -1e-9).all()
        assert left_over + passed.sum() == pytest.approx(entered, rel=1e-9, abs=1e-9)
        finished += np.maximum(passed, 0.0).sum()
    mixture = workspace["mixture"]
    assert mixture["total"] == pytest.approx(finished, rel=1e-6, abs=1e-9)
    quantiles = [mixture_quantile(workspace, q) for q in (0.5, 0.95, 0.99)]
    assert np.isfinite([*quantiles, mixture_mean(workspace)]).all()
    assert min(quantiles) >= 0.0
    # Each is solved to about 1 %, so neighbours may swap by that much.
    assert quantiles[0] <= 1.03 * quantiles[1] <= 1.03**2 * quantiles[2]


@given(load=st.floats(0.05, 3.0), servers=st.floats(1.0, 100.0), waiting=st.floats(0.0, 500.0))
@settings(max_examples=200, deadline=None)
def test_more_capacity_never_raises_utilisation(
    load: float, servers: float, waiting: float
) -> None:
    workspace = new_workspace()[0]
    tier = workspace["tier"][0]
    utilisation = []
    for more in (1.0, 1.1, 1.5):
        fill(tier["service"], servers=servers * more, arrival_rps=load * servers * 10.0)
        tier["queue"] = (waiting, waiting * (waiting + 1.0), load * servers * 10.0, servers / 2)
        run(workspace)
        utilisation.append(float(tier["flow"]["utilisation"]))
    assert utilisation[0] + 1e-9 >= utilisation[1]
    assert utilisation[1] + 1e-9 >= utilisation[2]


@given(
    load=st.floats(-3.0, 2.0).map(lambda e: 10.0**e),
    servers=st.floats(1.0, 1000.0),
    services=st.floats(60.0, 1e5),
    cs2=st.floats(0.05, 4.0),
    room=st.sampled_from([0.0, 1.0, 30.0, 5000.0, math.inf]),
    timeout=st.sampled_from([0.01, 1.0, 30.0, math.inf]),
    waiting=st.sampled_from([0.0, 1.0, 40.0, 900.0]),
    spread=st.floats(1.0, 1.1),
    head=st.floats(-3.0, 3.0).map(lambda e: 10.0**e),
)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_more_capacity_never_raises_utilisation_under_extreme_inputs(
    load: float,
    servers: float,
    services: float,
    cs2: float,
    room: float,
    timeout: float,
    waiting: float,
    spread: float,
    head: float,
) -> None:
    rate = services / 60.0
    arrival = load * servers * rate
    workspace = new_workspace()[0]
    tier = workspace["tier"][0]
    utilisation = []
    for more in (1.0, 1.15):
        fill(
            tier["service"],
            servers=servers * more,
            service_rate=rate,
            arrival_rps=arrival,
            cs2=cs2,
            room=room,
            timeout_s=timeout,
        )
        square = waiting * waiting * spread + waiting
        tier["queue"] = (waiting, square, arrival * head, servers if waiting > 0.0 else 0.0)
        run(workspace)
        utilisation.append(float(tier["flow"]["utilisation"]))
    # Formulas for different loads meet within 2 %, given time for 60 services.
    assert utilisation[0] + 0.02 >= utilisation[1]


def test_a_backlog_beyond_patience_is_lost_and_not_served() -> None:
    workspace = new_workspace()[0]
    tier = workspace["tier"][0]
    fill(tier["service"], arrival_rps=10.0, timeout_s=0.02)
    tier["queue"] = (300.0, 90300.0, 1e5, 1.0)
    flow = run(workspace)["flow"]
    # Ten servers free 100 places a second: in 20 ms they take 2 of the 300.
    assert flow["timed_out"] == pytest.approx(298.0, rel=0.01)


def test_timeouts_go_on_while_the_backlog_of_an_overload_leaves() -> None:
    workspace = new_workspace()[0]
    service = workspace["tier"][0]["service"]
    fill(service, arrival_rps=120.0, timeout_s=2.0)
    run(workspace, segments=3)
    service["arrival_rps"] = 50.0
    # Who is in line arrived at 120/s, leaves at 100/s: for 2 s, 20 a second lose patience.
    assert run(workspace)["flow"]["timed_out"] == pytest.approx(40.0, rel=0.1)


def test_a_state_resumes_from_its_record() -> None:
    one = new_workspace()[0]
    fill(one["tier"][0]["service"], arrival_rps=105.0, timeout_s=20.0)
    run(one, segments=4)
    other = new_workspace()[0]
    fill(other["tier"][0]["service"], arrival_rps=105.0, timeout_s=20.0)
    other["tier"][0]["queue"] = one["tier"][0]["queue"]
    run(one)
    run(other)
    assert one["tier"][0]["flow"] == other["tier"][0]["flow"]
    assert mixture_quantile(one, 0.95) == mixture_quantile(other, 0.95)
