from __future__ import annotations

import json

from rich.console import Console

from cwm_gym.demo import run_demo


def test_the_demo_leaves_a_report_a_model_and_results(tmp_path):
    console = Console(width=80, file=(tmp_path / "screen.txt").open("w"))
    results = run_demo(
        "digitalocean-web-app", timesteps=8192, episodes=4, out=tmp_path, console=console
    )
    console.file.close()
    assert {"PPO", "autoscaler", "HPA 70 %", "trend", "random"} < set(results)
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "model.zip").stat().st_size > 10_000
    record = json.loads((tmp_path / "results.json").read_text())
    assert [row["policy"] for row in record["rows"]] == sorted(
        results, key=lambda name: -results[name].return_mean
    )
    assert "PPO - threshold" in (tmp_path / "screen.txt").read_text()
