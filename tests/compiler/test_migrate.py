"""Running worlds go on under another program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cwm_gym.compiler import Program, migrate
from cwm_gym.core.records import WORLD
from cwm_gym.core.records.world import CRITICAL
from tests.compiler.compiling import compiled, document, resource

WEB = resource("web", region="us-east-1", instances=4, maxInstances=8, bootSeconds=50)
API = resource("api", instances=3, minInstances=1, maxInstances=6, bootSeconds=20)
DB = resource("db", "database", size="db.m5.large")


def running(program: Program) -> NDArray[Any]:
    """Two worlds in the middle of an episode."""
    worlds = np.zeros(2, WORLD)
    worlds["fingerprint"] = program.params["fingerprint"]
    worlds["time_s"] = 600.0
    count = int(program.params["n_pools"])
    worlds["pool"]["present"][:, :count] = 1 - program.params["pool"]["spare"][:count]
    worlds["backend"]["present"][:, : int(program.params["n_backends"])] = 1
    for index in range(count):
        worlds["pool"]["ready"][:, index] = worlds["pool"]["desired"][:, index] = 3 + index
        worlds["pool"]["queue"]["waiting"][:, index] = 10.0 + index
    worlds["effect"]["speed"] = 1.0
    worlds["fault"]["target"] = worlds["fault"]["zone"] = -1
    worlds["fault"]["region"] = worlds["fault"]["other_region"] = -1
    worlds["event"]["target"] = -1
    return worlds


def programs(old: list[dict[str, Any]], new: list[dict[str, Any]], **fields: Any) -> list[Program]:
    return [compiled(document(*parts, **fields)) for parts in (old, new)]


def test_the_same_program_changes_nothing() -> None:
    old, new = programs([WEB, DB], [WEB, DB])
    worlds = running(old)
    moved = migrate(old, worlds, new)
    assert moved.tobytes() == worlds.tobytes()


def test_what_stays_keeps_its_state_wherever_it_stands() -> None:
    old, new = programs([WEB, API, DB], [API, DB, WEB])
    worlds = running(old)
    worlds["pool"]["health"]["status"][1, 0] = CRITICAL
    moved = migrate(old, worlds, new)
    assert new.pools == ("api", "web")
    assert moved["pool"]["ready"][:, :2].tolist() == [[4, 3], [4, 3]]
    assert moved["pool"]["queue"]["waiting"][0, :2].tolist() == [11, 10]
    assert moved["pool"]["health"]["status"][:, 1].tolist() == [0, CRITICAL]
    assert (moved["fingerprint"] == new.params["fingerprint"]).all()
    assert (moved["time_s"] == 600).all()
    assert worlds["fingerprint"][0] == old.params["fingerprint"]


def test_a_new_pool_begins_with_launches() -> None:
    old, new = programs([WEB], [WEB, API])
    api = migrate(old, running(old), new)["pool"][0, 1]
    assert (api["present"], api["desired"], api["ready"]) == (1, 3, 0)
    assert api["launching"][0].tolist() == (620, 3)
    assert tuple(api["health"]["policy"]) == (0.8, 4, 0.7, 3)
    at_once = {**API, "characteristics": {**API["characteristics"], "bootSeconds": 0}}
    old, new = programs([WEB], [WEB, at_once])
    api = migrate(old, running(old), new)["pool"][0, 1]
    assert (api["desired"], api["ready"], api["servers"]) == (3, 3, 6)


def test_a_removed_pool_vanishes() -> None:
    old, new = programs([WEB, API, DB], [API])
    moved = migrate(old, running(old), new)
    assert moved["pool"]["present"][0].sum() == 1
    assert moved["pool"]["ready"][0, 0] == 4
    assert moved["backend"]["present"][0].sum() == 0
    assert not moved["pool"][0, 1].tobytes().strip(b"\0")


def test_a_fleet_is_cut_to_its_new_bounds() -> None:
    def sized(**bounds: Any) -> dict[str, Any]:
        settings = {"bootSeconds": 50, "autoscaling": True, **bounds}
        return resource("web", **settings)

    wide = sized(instances=5, minInstances=1, maxInstances=9)
    old, new = programs([wide], [sized(instances=2, minInstances=1, maxInstances=2)])
    worlds = running(old)
    fleet = worlds["pool"][0, 0]
    fleet["desired"], fleet["ready"] = 6, 4
    fleet["launching"]["count"][:2] = 1
    fleet["launching"]["at_s"][:2] = 610, 630
    fleet["warming"][0] = (590, 3)
    cut = migrate(old, worlds, new)["pool"][0, 0]
    assert (cut["desired"], cut["ready"]) == (2, 2)
    assert cut["launching"]["count"].sum() == 0
    assert cut["warming"]["count"].sum() == 2
    old, new = programs([wide], [sized(instances=8, minInstances=8, maxInstances=9)])
    grown = migrate(old, running(old), new)["pool"][0, 0]
    assert (grown["desired"], grown["ready"]) == (8, 3)
    assert grown["launching"][0].tolist() == (650, 5)


def test_a_larger_size_brings_more_servers() -> None:
    bigger = {**WEB, "characteristics": {**WEB["characteristics"], "size": "m5.xlarge"}}
    old, new = programs([WEB], [bigger])
    assert migrate(old, running(old), new)["pool"]["servers"][0, 0] == 3 * 4


def test_capacity_units_stay_inside_their_bounds() -> None:
    def aurora(**units: Any) -> dict[str, Any]:
        return resource("db", "database", serviceFamily="aurora-serverless", **units)

    old, new = programs([WEB, aurora()], [WEB, aurora(maxCapacityUnits=4)])
    worlds = running(old)
    worlds["backend"]["units"][:, 0] = 16
    assert migrate(old, worlds, new)["backend"]["units"][:, 0].tolist() == [4, 4]
    old, new = programs([WEB], [WEB, aurora()])
    assert migrate(old, running(old), new)["backend"]["units"][0, 0] == 0.5


def test_faults_and_events_follow_their_targets() -> None:
    old, new = programs([WEB, API, DB], [API, DB])
    worlds = running(old)
    faults = worlds["fault"][0]
    faults["state"][:3] = 2
    faults["target"][:3] = [0, 1, 8]
    faults["taken"][1, :2] = [5, 2]
    faults["zone"][3], faults["state"][3] = 1, 2
    worlds["event"]["target"][0, :2] = [1, 8]
    moved = migrate(old, worlds, new)
    assert moved["fault"]["target"][0, :3].tolist() == [-1, 0, 8]
    # What hit the pool that is gone, or a zone where nothing is left, is over.
    assert old.zones[1] not in new.zones
    assert moved["fault"]["state"][0, :4].tolist() == [3, 2, 2, 3]
    assert moved["fault"]["taken"][0, 1, :2].tolist() == [2, 0]
    assert moved["event"]["target"][0, :2].tolist() == [0, 8]


def test_an_added_spare_stays_when_the_document_makes_it_a_resource() -> None:
    old = compiled(document(WEB, spares=[API]))
    new = compiled(document(WEB, API))
    worlds = running(old)
    assert worlds["pool"]["present"][0, 1] == 0
    assert migrate(old, worlds, new)["pool"]["desired"][0, 1] == 3
    worlds["pool"]["present"][:, 1] = 1
    assert migrate(old, worlds, new)["pool"]["ready"][0, 1] == 4


def test_draws_are_kept_by_name() -> None:
    document_ = document(WEB)
    old = compiled(document_, randomize={"web.boot_s": (1, 9), "web.drain_s": (1, 9)})
    new = compiled(document_, randomize={"web.drain_s": (1, 9), "web.warmup_s": (2, 4)})
    worlds = running(old)
    worlds["draw"][:, :2] = [5.0, 7.0]
    moved = migrate(old, worlds, new)
    assert moved["draw"][0, :3].tolist() == [7.0, 3.0, 0.0]


def test_thresholds_that_actions_set_survive_unless_the_document_changes_them() -> None:
    def tuned(cpu: float) -> Program:
        return compiled(document(WEB, autoscaling={"scaleOutCpuThreshold": cpu}))

    worlds = running(tuned(70))
    worlds["autoscaler"]["out_cpu"] = 0.55
    assert migrate(tuned(70), worlds, tuned(70))["autoscaler"]["out_cpu"][0] == 0.55
    assert migrate(tuned(70), worlds, tuned(60))["autoscaler"]["out_cpu"][0] == pytest.approx(0.6)
