from __future__ import annotations

import builtins
import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import cwm_gym
from cwm_gym.evaluation import simulate
from cwm_gym.spec import SpecError


def test_columns_are_what_the_environment_reports():
    history = simulate("aws-web-app", 20, seed=5)
    env = gym.make("CloudAutoscale-v0", quantiles="all", max_episode_steps=20).unwrapped
    env.reset(seed=5)
    assert len(history) == 20
    for k in range(20):
        _, reward, _, _, info = env.step(0)
        assert history["reward"][k] == reward
        assert history["time_s"][k] == info["sim_time_seconds"]
        for name, value in info["metrics"].items():
            assert history[name][k] == value
        for name, value in info["reward_components"].items():
            assert history[f"reward_{name}"][k] == value
    assert history.actions == (0,) * 20
    assert history["step"].tolist() == list(range(1, 21))


class Bare:
    """The least that counts as a policy."""

    def reset(self, venv, mask, seed):
        self.size = venv.num_envs

    def act(self, obs, info, world):
        return np.zeros(self.size, np.int64)


def test_an_object_with_reset_and_act_is_enough():
    bare = simulate("aws-web-app", 5, Bare())
    assert bare.policy == "Bare"
    np.testing.assert_array_equal(bare["reward"], simulate("aws-web-app", 5)["reward"])
    assert bare.to_document()["reset_options"] == {}


def test_requests_are_conserved():
    history = simulate("aws-web-app", 60, "hpa")
    out = sum(history[name] for name in ("served", "timed_out", "rejected", "failed"))
    missing = history["arrived"].sum() - out.sum()
    # What is left is inside: waiting, or in service on at most 24 + 2 servers.
    assert -1e-3 <= missing - history["backlog"][-1] <= 26.0
    assert history["offered_rps"] * 60.0 == pytest.approx(history["arrived"])


def test_events_and_fleet_tell_the_same_story():
    history = simulate("aws-web-app", 120, "hpa", seed=1)
    change = sum(
        {"scale_out": 1, "scale_in": -1}.get(event["kind"], 0) * event["value"]
        for event in history.events
    )
    assert change != 0
    assert history["desired"][-1] == 6 + change
    assert (history["desired"] == history["ready"] + history["pending"]).all()
    times = [event["time_s"] for event in history.events]
    assert times == sorted(times)
    assert any(time % 60.0 for time in times)
    assert history.actions == (None,) * 120


@pytest.mark.parametrize("form", ["name", "document", "mapping", "path", "text path"])
def test_all_forms_of_a_simulation(form: str, tmp_path: Path):
    document = cwm_gym.load_scenario("aws-web-app")
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(document.to_document()))
    given = {
        "name": "aws-web-app",
        "document": document,
        "mapping": document.to_document(),
        "path": path,
        "text path": str(path),
    }[form]
    history = simulate(given, 3, seed=2)
    assert history["reward"].tolist() == simulate("aws-web-app", 3, seed=2)["reward"].tolist()


def test_the_length_is_the_scenarios_own_unless_told():
    steps = cwm_gym.load_scenario("aws-web-app").episode.max_steps
    assert len(simulate("aws-web-app")) == steps
    assert len(simulate("aws-web-app", 7)) == 7


def test_bad_arguments():
    with pytest.raises(SpecError, match="Unknown scenario"):
        simulate("aws-web-ap", 3)
    with pytest.raises(SpecError, match="steps"):
        simulate("aws-web-app", 0)
    with pytest.raises(SpecError, match="max_episode_steps"):
        simulate("aws-web-app", 3, env_kwargs={"max_episode_steps": 4})
    with pytest.raises(SpecError, match="seed"):
        simulate("aws-web-app", 3, seed=-1)


def test_table():
    pytest.importorskip("pandas")
    frame = simulate("aws-web-app", 5).to_frame()
    assert frame.index.tolist() == [1, 2, 3, 4, 5]
    assert {"latency_p95", "cost_usd_hr", "reward", "ready"} <= set(frame.columns)


def test_picture():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    history = simulate("aws-web-app", 30, "hpa")
    figure = history.plot()
    traffic, latency, cost, fleet = figure.axes
    assert np.array_equal(traffic.lines[0].get_ydata(), history["offered_rps"])
    assert latency.lines[1].get_ydata()[0] == history.latency_limit_ms == 100.0
    assert cost.lines[1].get_ydata()[0] == history.budget_usd_hr
    assert np.array_equal(fleet.lines[0].get_ydata(), history["ready"])
    figure.canvas.draw()
    matplotlib.pyplot.close(figure)


@pytest.mark.parametrize(
    ("method", "package", "extra"),
    [("to_frame", "pandas", "pandas"), ("plot", "matplotlib", "plot")],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, method: str, package: str, extra: str
):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    history = simulate("aws-web-app", 2)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=rf"cwm-gym\[{extra}\]"):
        getattr(history, method)()


def test_every_resource_has_its_own_columns():
    history = simulate("aws-web-app", 30, "hpa", seed=1)
    assert set(history.resources) == {"web", "db"}
    web, db = history.resources["web"], history.resources["db"]
    np.testing.assert_array_equal(web["ready"], history["ready"])
    np.testing.assert_array_equal(web["desired"], history["desired"])
    np.testing.assert_array_equal(web["pending"], history["pending"])
    np.testing.assert_allclose(web["utilisation"], history["utilisation"])
    np.testing.assert_allclose(db["utilisation"], history["database_utilisation"])
    assert (db["visits"] > 0).all()
    assert db["status"].tolist() == [0] * 30


def test_events_are_documents_too():
    document = cwm_gym.load_scenario("aws-web-app").to_document()
    document["faults"] = [{"type": "database_crash", "startTime": 3, "endTime": 9}]
    history = simulate(document, 12, seed=1)
    found = {event["type"]: event for event in history.event_documents()}
    assert found["fault_started"]["metadata"]["fault_kind"] == "database_crash"
    assert found["fault_started"]["timestamp"] == 180.0
    assert found["failover"]["severity"] == "success"
    assert found["failover"]["resource"] == "db"
    for event in history.event_documents():
        assert event["severity"] in ("info", "warning", "error", "success")
        assert event["message"]
        json.dumps(event)
