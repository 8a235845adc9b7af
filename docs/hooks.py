"""Pages that are generated when the site is built, so that they cannot drift from the code.

A page may hold these markers, each on a line of its own:

- ``[[docstring CloudAutoscale-v0]]``: the docstring of the environment's class;
- ``[[scenarios]]``: a table of the ready-made services and a section for each;
- ``[[prices]]``: what each of them costs, from the catalogs.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from typing import Any

from cwm_gym.compiler import Program, compile_simulation
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.records.params import DATABASE
from cwm_gym.registration import ENVIRONMENTS
from cwm_gym.scenarios import load_scenario, scenarios
from cwm_gym.spec import Workload

_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod|obj):<code>(~?)([\w.]+)</code>")
_MARKER = re.compile(r"^\[\[(\w+)(?: ([\w.-]+))?\]\]$", re.MULTILINE)


def docstring(name: str) -> str:
    """Read the docstring of an environment's class.

    Args:
        name: Registered id.

    Returns:
        Markdown.
    """
    return inspect.getdoc(pkgutil.resolve_name(ENVIRONMENTS[name][0])) or ""


def _row(cells: list[Any]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _table(header: list[str], rows: list[list[Any]]) -> str:
    return "\n".join([_row(header), _row(["---"] * len(header)), *map(_row, rows)])


def _programs() -> dict[str, Program]:
    return {name: compile_simulation(load_scenario(name)) for name in scenarios()}


def scenario_pages() -> str:
    """Describe the ready-made services.

    Returns:
        Markdown: a table, then a section for each scenario.
    """
    rows, sections = [], []
    for name, program in _programs().items():
        params, pool = program.params, program.primary
        episode, demand = params["episode"], params["demand"]
        rows.append(
            [
                f"[`{name}`](#{name})",
                f"{int(pool['minimum'])} to {int(pool['maximum'])}",
                f"{float(pool['boot_s']):g}",
                f"{program.capacity_rps:,.0f}",
                f"{float(demand['level_rps']):,.0f}",
                f"{1e3 * float(episode['latency_limit_s']):g} ms, "
                f"{100.0 * float(episode['error_limit']):g} %",
                f"{float(episode['budget_usd_per_hour']):.2f}",
                f"{int(episode['max_steps'])} x {float(episode['tick_s']):g} s",
            ]
        )
        workload = program.simulation.workload or Workload()
        forms: list[str] = [pattern.type for pattern in workload.patterns]
        if workload.forecast is not None:
            forms.insert(0, f"forecast '{workload.forecast.name}'")
        facts = [
            f"- demand: {', '.join(forms) or 'constant'}, "
            f"noise sigma {float(demand['noise_sigma']):g} "
            f"with a correlation time of {float(demand['noise_correlation_s']):g} s",
            f"- an instance: {float(pool['vcpus']):g} vCPUs, "
            f"{1e3 * float(pool['cpu_s_per_request']):g} ms of CPU a request",
        ]
        for tier, database in zip(program.targets[BACKEND:], params["backend"], strict=True):
            if tier and int(database["kind"]) == DATABASE:
                facts.append(
                    f"- `{tier}`: {float(database['servers']):g} vCPUs, "
                    f"{float(database['connections']):g} connections, "
                    f"{float(database['idle_per_instance']):g} held by every ready instance, "
                    f"{100.0 * float(database['visit']):g} % of requests query it"
                )
        document = program.simulation
        sections.append(
            f"### {name}\n\n{document.description or document.name}\n\n"
            f"{document.difficulty or ''}\n\n" + "\n".join(facts)
        )
    header = ["scenario", "fleet", "boot, s", "largest fleet, rps", "base demand, rps"]
    header += ["limits (P95, errors)", "budget, $/h", "episode"]
    return "\n\n".join([_table(header, rows), *sections])


def price_table() -> str:
    """Price the ready-made services from the catalogs.

    Returns:
        Markdown table, USD per hour without traffic.
    """
    rows = []
    for name, program in _programs().items():
        params, pool = program.params, program.primary
        one = float(pool["usd_per_hour"])
        backends = params["backend"][: int(params["n_backends"])]
        kept = float(backends["usd_per_hour"].sum())
        kept += float((backends["units_min"] * backends["usd_per_unit_hour"]).sum())
        pools = params["pool"][: int(params["n_pools"])]
        other = float((pools["initial"] * pools["usd_per_hour"]).sum())
        other -= float(pool["initial"]) * one
        fixed = float(params["fixed"]["usd_per_hour"])
        largest = fixed + kept + other + one * int(pool["maximum"])
        budget = float(params["episode"]["budget_usd_per_hour"])
        cells = [one, other, kept, fixed, largest, budget]
        rows.append([f"`{name}`", *(f"{cell:.4f}" for cell in cells)])
    header = ["scenario", "one instance", "other pools at the start", "databases, caches, volumes"]
    header += ["balancers, clusters, buckets", "everything with the largest fleet", "budget"]
    return _table(header, rows)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the markers of a page; MkDocs calls this for every page."""

    def fill(match: re.Match[str]) -> str:
        kind, argument = match.groups()
        if kind == "docstring":
            return docstring(argument)
        return {"scenarios": scenario_pages, "prices": price_table}[kind]()

    return _MARKER.sub(fill, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Show names that docstrings mark as references as plain code; MkDocs calls this."""

    def plain(match: re.Match[str]) -> str:
        short, name = match.groups()
        return f"<code>{name.rpartition('.')[2] if short else name}</code>"

    return _ROLE.sub(plain, html)
