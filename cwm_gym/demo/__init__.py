"""The demonstration: train an agent, compare it with what operators deploy, write a report."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

try:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
except ImportError as error:
    raise ImportError("cwm_gym.demo needs rich: pip install 'cwm-gym[demo]'") from error

from cwm_gym import policies
from cwm_gym.demo.picture import draw_report
from cwm_gym.demo.tables import comparison_rows, comparison_table
from cwm_gym.demo.training import DEFAULT_TIMESTEPS, LearningCurve, train_ppo
from cwm_gym.evaluation import Evaluation, best_static, evaluate, simulate

__all__ = ["DEFAULT_TIMESTEPS", "comparison_table", "run_demo"]

ENV_ID = "CloudAutoscale-v0"
# Validation episodes: on the training split, at seeds that training does not reach.
_VALIDATION_SEED = 1_000_000
_VALIDATION_EPISODES = 16


def run_demo(
    scenario: str,
    traffic: Any = None,
    *,
    timesteps: int = DEFAULT_TIMESTEPS,
    episodes: int = 48,
    seed: int = 0,
    out: Path = Path("demo"),
    command: str = "cwm-gym demo",
    console: Console | None = None,
) -> dict[str, Evaluation]:
    """Train PPO, evaluate it beside the operators' policies, print a table, write a report.

    Args:
        scenario: Name of a scenario.
        traffic: Demand in place of the scenario's, as environments take it.
        timesteps: Training steps.
        episodes: Held-out episodes.
        seed: Of training; the first held-out episode has this seed on the test split.
        out: Folder for ``report.png``, ``model.zip`` and ``results.json``.
        command: What the user typed, for the record.
        console: Where to print.

    Returns:
        Evaluations by policy.

    Raises:
        SpecError: For an unknown scenario or unusable traffic.
    """
    console = console or Console()
    kwargs: dict[str, Any] = {"scenario": scenario}
    if traffic is not None:
        kwargs["traffic"] = traffic
    out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    console.print(f"Training PPO on [bold]{scenario}[/bold] for {timesteps:,} steps")
    model, curve = _train(kwargs, timesteps, seed, console)
    model.save(out / "model.zip")
    trained = time.perf_counter() - began
    console.print(f"Evaluating on {episodes} held-out episodes")
    results, opponents = _opponents(kwargs, episodes, seed)
    results["PPO"] = evaluate(model, ENV_ID, episodes, seed, env_kwargs=kwargs)
    static = next(name for name in results if name.startswith("best static"))
    title = f"{scenario}, {episodes} held-out episodes of the test split"
    console.print(comparison_table(results, title, reference=static))
    for name in opponents:
        console.print(str(results["PPO"].compare(results[name])), highlight=False)
    levels = {name: _validation_return(policy, kwargs) for name, policy in opponents.items()}
    rival = max((name for name in opponents), key=lambda name: results[name].return_mean)
    _draw(out, title, kwargs, seed, model, curve, levels, results, rival, opponents[rival])
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "scenario": scenario,
        "timesteps": timesteps,
        "training_seconds": round(trained, 1),
        "episodes": episodes,
        "seed": seed,
        "reference": static,
        "rows": comparison_rows(results, static),
    }
    (out / "results.json").write_text(json.dumps(record, indent=2) + "\n")
    console.print(f"Wrote {out / 'report.png'}, {out / 'model.zip'} and {out / 'results.json'}")
    return results


def _train(
    kwargs: Mapping[str, Any], timesteps: int, seed: int, console: Console
) -> tuple[Any, LearningCurve]:
    with Progress(
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        task = bar.add_task("training", total=timesteps)
        return train_ppo(
            dict(kwargs),
            timesteps=timesteps,
            seed=seed,
            validate=lambda model: _validation_return(model, kwargs),
            progress=lambda done: bar.update(task, completed=min(done, timesteps)),
        )


def _validation_return(policy: Any, kwargs: Mapping[str, Any]) -> float:
    result = evaluate(
        policy,
        ENV_ID,
        _VALIDATION_EPISODES,
        _VALIDATION_SEED,
        env_kwargs=dict(kwargs),
        split="train",
    )
    return result.return_mean


def _opponents(
    kwargs: Mapping[str, Any], episodes: int, seed: int
) -> tuple[dict[str, Evaluation], dict[str, Any]]:
    """Evaluate what operators deploy; the best static fleet is found on these very episodes."""
    static = best_static(ENV_ID, episodes, seed, env_kwargs=dict(kwargs))
    others = {
        f"best static ({static.size})": static.policy,
        "autoscaler": policies.make("threshold"),
        "HPA 70 %": policies.make("hpa"),
        "trend": policies.make("trend"),
        "random": policies.make("random"),
    }
    results = {
        name: evaluate(policy, ENV_ID, episodes, seed, env_kwargs=dict(kwargs))
        for name, policy in others.items()
    }
    return results, {name: policy for name, policy in others.items() if name != "random"}


def _draw(
    out: Path,
    title: str,
    kwargs: Mapping[str, Any],
    seed: int,
    model: Any,
    curve: LearningCurve,
    levels: Mapping[str, float],
    results: Mapping[str, Evaluation],
    rival_name: str,
    rival: Any,
) -> None:
    given = {name: value for name, value in kwargs.items() if name != "scenario"}
    histories = {
        name: simulate(kwargs["scenario"], policy=policy, seed=seed, env_kwargs=given, split="test")
        for name, policy in (("PPO", model), (rival_name, rival))
    }
    draw_report(
        out / "report.png",
        title=title,
        curve=curve,
        levels=levels,
        results=results,
        episodes=histories,
    )
