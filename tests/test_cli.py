from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cwm_gym.cli import app, traffic_argument
from cwm_gym.spec import SpecError


def run(*arguments):
    return CliRunner().invoke(app, arguments)


def test_scenarios_are_listed():
    assert "oci-web-app" in run("scenarios").output


def test_the_catalog_shows_prices():
    output = run("catalog", "digitalocean").output
    assert "s-2vcpu-4gb" in output
    assert "0.03571" in output


def test_a_policy_is_evaluated():
    result = run("evaluate", "--policy", "static", "--parameters", '{"n": 6}', "--episodes", "2",
                 "--json")  # fmt: skip
    assert json.loads(result.output)["policy"] == "static(6)"


def test_traffic_options():
    assert traffic_argument("wave", None, None, None) == "wave"
    with pytest.raises(SpecError, match="Both"):
        traffic_argument("wave", "x.csv", None, None)
    with pytest.raises(SpecError, match="describe a trace"):
        traffic_argument(None, None, "value", None)


def test_bad_input_is_one_message_and_status_2():
    done = subprocess.run(
        [sys.executable, "-m", "cwm_gym.cli", "catalog", "gce"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "Unknown provider 'gce'" in done.stdout
    assert "Traceback" not in done.stderr
