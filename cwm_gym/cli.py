"""The command line: ``cwm-gym demo | scenarios | evaluate | catalog``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

try:
    import typer
    from rich.console import Console
    from rich.table import Column as TableColumn
    from rich.table import Table
except ImportError as error:  # pragma: no cover - exercised in an environment without extras
    raise SystemExit(
        f"The command line needs {error.name}: pip install 'cwm-gym[cli]' "
        "('cwm-gym[demo]' for the demo)."
    ) from error

from cwm_gym.spec.errors import SpecError, invalid

app = typer.Typer(
    help="Gymnasium environments in which agents learn to run cloud services.",
    no_args_is_help=True,
    add_completion=False,
)
console = Console()

Scenario = Annotated[str, typer.Option(help="Name of a ready-made service.")]
Traffic = Annotated[str | None, typer.Option(help="Name of a traffic pattern, e.g. wave.")]
Trace = Annotated[Path | None, typer.Option(help="Recorded traffic: a CSV or Prometheus file.")]
Column = Annotated[str | None, typer.Option(help="Value column of the trace.")]
Unit = Annotated[str | None, typer.Option(help="Unit of the trace: rps, rpm or requests.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of training and of the first episode.")]
Episodes = Annotated[int, typer.Option(min=2, help="Held-out episodes to evaluate on.")]


def traffic_argument(
    traffic: str | None, trace: Path | None, column: str | None, unit: str | None
) -> Any:
    """Combine the options into the environments' ``traffic`` argument.

    Args:
        traffic: Pattern name.
        trace: File.
        column: Column of the file.
        unit: Unit of the file.

    Returns:
        The argument; None where no option was given.

    Raises:
        SpecError: If both a pattern and a trace are given, or a column without a trace.
    """
    if traffic is not None and trace is not None:
        raise invalid("/traffic", "Both --traffic and --trace are given", "Give one of them.")
    if trace is None:
        if column is not None or unit is not None:
            raise invalid("/traffic", "--column and --unit describe a trace", "Add --trace FILE.")
        return traffic
    named = {"trace": str(trace), "column": column, "unit": unit}
    return {key: value for key, value in named.items() if value is not None}


@app.command()
def demo(
    scenario: Scenario = "aws-web-app",
    traffic: Traffic = None,
    trace: Trace = None,
    column: Column = None,
    unit: Unit = None,
    timesteps: Annotated[
        int | None,
        typer.Option(min=4096, help="Training steps; about two minutes' worth if absent."),
    ] = None,
    episodes: Episodes = 48,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder for report, model and results.")] = Path("demo"),
) -> None:
    """Train PPO on a service and compare it with what operators deploy."""
    from cwm_gym.demo import DEFAULT_TIMESTEPS, run_demo

    run_demo(
        scenario,
        traffic_argument(traffic, trace, column, unit),
        timesteps=timesteps or DEFAULT_TIMESTEPS,
        episodes=episodes,
        seed=seed,
        out=out,
        command=" ".join(["cwm-gym", *sys.argv[1:]]),
        console=console,
    )


@app.command()
def scenarios() -> None:
    """List the ready-made services."""
    from cwm_gym.scenarios import load_scenario
    from cwm_gym.scenarios import scenarios as names

    table = Table("Name", "Provider", "Category", "What makes it hard")
    for name in names():
        document = load_scenario(name)
        table.add_row(
            name, document.provider or "", document.category or "", document.difficulty or ""
        )
    console.print(table)


@app.command()
def evaluate(
    policy: Annotated[str, typer.Option(help="Name of a policy, e.g. hpa, static, threshold.")],
    parameters: Annotated[str, typer.Option(help='Its parameters as JSON, e.g. {"n": 6}.')] = "{}",
    scenario: Scenario = "aws-web-app",
    traffic: Traffic = None,
    trace: Trace = None,
    column: Column = None,
    unit: Unit = None,
    episodes: Episodes = 24,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a policy on held-out episodes."""
    from cwm_gym import policies
    from cwm_gym.demo import comparison_table
    from cwm_gym.evaluation import evaluate as run

    try:
        given = json.loads(parameters)
    except json.JSONDecodeError as error:
        raise invalid("/parameters", f"Not JSON: {error}", 'Write {"name": value}.') from error
    kwargs: dict[str, Any] = {"scenario": scenario}
    demand = traffic_argument(traffic, trace, column, unit)
    if demand is not None:
        kwargs["traffic"] = demand
    result = run(policies.make(policy, **given), episodes=episodes, seed=seed, env_kwargs=kwargs)
    if as_json:
        print(json.dumps(result.to_dict()))
    else:
        console.print(comparison_table({policy: result}, title=scenario))


@app.command()
def catalog(
    provider: Annotated[str | None, typer.Argument(help="Provider; all if absent.")] = None,
    kind: Annotated[str, typer.Option(help="compute or database.")] = "compute",
    region: Annotated[
        str | None, typer.Option(help="Region; the reference region if absent.")
    ] = None,
) -> None:
    """Show sizes and prices."""
    from cwm_gym import catalog as prices

    if kind not in ("compute", "database"):
        raise invalid("/kind", f"Unknown kind '{kind}'", "Use compute or database.")
    for name in [provider] if provider else prices.providers():
        place = prices.resolve_region(name, region)
        table = Table(
            TableColumn("Size", no_wrap=True), "vCPU", "Memory GiB", "USD/h", "Source", "Date"
        )
        table.title = f"{name} · {place.code} · {kind}"
        for size in prices.sizes(name, kind):  # type: ignore[call-overload]
            if size.usd_per_hour is None:
                continue
            source = size.source_of("usd_per_hour")
            table.add_row(
                size.name,
                "" if size.vcpu is None else f"{size.vcpu:g}",
                "" if size.memory_gib is None else f"{size.memory_gib:g}",
                f"{prices.price(name, size, place.code):.5f}",
                source.id + ("" if source.verified else " (unverified)"),
                source.date,
            )
        console.print(table)


def main() -> None:
    """Run the command line; a bad input is one clear message and exit status 2."""
    try:
        app()
    except SpecError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
