"""Measure everything that the documentation states as a number, and write it down.

    python benchmarks/report.py                     # all parts
    python benchmarks/report.py --only physics      # one or more parts

Every part writes ``docs/results/<part>.md``: the date, the machine, the command and a table. The
pages include these files, so no measured number is typed by hand. ``policies`` fills the table of
the README from what ``make demo`` found.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import PACKAGES, machine

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
README = ROOT / "README.md"
DEMO_RESULTS = ROOT / "demo" / "results.json"
REFERENCE = ROOT.parent / "shared" / "physics" / "reference_public.json"
MARKS = ("<!-- results:start -->", "<!-- results:end -->")

FIGURE_LABELS = {
    "latency_mean": "mean latency",
    "p50": "P50",
    "p95": "P95",
    "p99": "P99",
    "throughput": "throughput",
    "cpu_util": "CPU utilisation",
    "error_rate": "error rate where above 1 %",
    "error_points": "error rate, percentage points",
    "db_active_conn": "active database connections",
    "queue_len": "queue length where above 1",
    "latency_p95": "P95",
    "utilisation": "CPU utilisation",
}
# Column of the README table -> its heading and format.
POLICY_COLUMNS: dict[str, tuple[str, str]] = {
    "policy": ("policy", ""),
    "score": ("score", ".2f"),
    "return": ("return", ".1f"),
    "difference": ("minus best static", "+.1f"),
    "usd_per_hour": ("$/h", ".3f"),
    "sla_violation_share": ("time in violation", ".2%"),
    "failed_share": ("failed requests", ".3%"),
    "latency_p95_ms": ("P95, ms", ".1f"),
    "scaling_actions_per_hour": ("scalings/h", ".1f"),
}


class SkippedError(Exception):
    """A part cannot be measured here; the message says why."""


def stamp(command: str) -> str:
    """Say when, where and how something was measured.

    Args:
        command: The command that repeats it.

    Returns:
        One line of Markdown.
    """
    here = machine()
    versions = [f"{name} {here[name]}" for name in ("python", *PACKAGES)]
    today = datetime.date.today().isoformat()
    where = f"{here['processor']}, {here['cores']} cores, {here['system']}, {', '.join(versions)}"
    return f"*Measured on {today}: {where}. Command: `{command}`.*"


def number(value: Any) -> str:
    """Format a value for a table: four significant digits, thousands separated.

    Args:
        value: Anything of a JSON document that is no container.

    Returns:
        Text.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value).replace("|", "\\|")


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Build a Markdown table.

    Args:
        header: Headings.
        rows: Cells; numbers are formatted by :func:`number`.

    Returns:
        The table, without a trailing newline.
    """
    lines = [header, ["---"] * len(header), *([number(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _words(key: Any) -> str:
    return str(key).replace("_", " ")


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


def targets_table(targets: Sequence[Mapping[str, Any]]) -> str:
    """Set measured figures beside what they have to reach.

    Args:
        targets: Rows of ``harness.target``.

    Returns:
        Markdown table.
    """
    rows = [
        [
            row["name"],
            f"{number(row['value'])}{row['unit']}",
            f"{'at most' if row['at_most'] else 'at least'} {row['limit']:g}{row['unit']}",
            bool(row["met"]),
        ]
        for row in targets
    ]
    return table(["figure", "measured", "wanted", "met"], rows)


def batch_table(document: Mapping[str, Any]) -> str:
    """Lay out the speeds of the scalar environments and of the batches.

    Args:
        document: What ``throughput.py`` reports.

    Returns:
        Markdown table.
    """
    scalar = document["scalar_ns"]
    reference = scalar["CartPole-v1"]
    rows: list[list[Any]] = [
        ["scalar", name, ns, 1e9 / ns, reference / ns] for name, ns in scalar.items()
    ]
    wide = document["wide_ns"]
    rows.append([4096, "twelve resources x1", wide, 1e9 / wide, reference / wide])
    for size, cases in document["batch_ns"].items():
        for name, ns in cases.items():
            if name != "CartPole scalar":
                rows.append([int(size), name, ns, 1e9 / ns, cases["CartPole scalar"] / ns])
    header = ["environments", "case", "ns a step", "steps/s", "times scalar CartPole"]
    return table(header, rows)


def render(value: Mapping[str, Any], title: str = "") -> str:
    """Write a JSON object as tables, whatever its shape.

    Args:
        value: The object. Its plain values are one table, objects of plain values another with a
            row each; what is nested deeper follows under its key.
        title: What the object is called.

    Returns:
        Markdown.
    """
    parts = [f"{title}:"] if title else []
    plain = [(_words(key), one) for key, one in value.items() if _is_scalar(one)]
    if plain:
        parts.append(table(["figure", "value"], plain))
    inner = {key: one for key, one in value.items() if isinstance(one, Mapping)}
    if inner and all(_is_scalar(x) for one in inner.values() for x in one.values()):
        keys = list(dict.fromkeys(key for one in inner.values() for key in one))
        rows = [[_words(name), *(one.get(key) for key in keys)] for name, one in inner.items()]
        parts.append(table(["", *map(_words, keys)], rows))
    else:
        parts += [render(one, _words(key)) for key, one in inner.items()]
    return "\n\n".join(parts)


def run_script(name: str) -> tuple[dict[str, Any], str]:
    """Run one script of ``benchmarks/``.

    Args:
        name: Script without its ending.

    Returns:
        The JSON that it prints, and the line that says where and how it was measured.

    Raises:
        SkippedError: If the script or something that it needs is not there.
    """
    script = Path("benchmarks") / f"{name}.py"
    if not (ROOT / script).is_file():
        raise SkippedError(f"{script} is not there")
    done = subprocess.run(
        [sys.executable, str(script), "--json"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SkippedError(f"{script} ended with status {done.returncode}: {last}")
    document = json.loads(done.stdout[done.stdout.index("{") :])
    return document, stamp(f"python {script} --json")


def speed(name: str) -> str:
    """Measure a speed and write what the script reports.

    Args:
        name: Script without its ending.

    Returns:
        Markdown.

    Raises:
        SkippedError: As :func:`run_script`.
    """
    document, line = run_script(name)
    parts = [line, targets_table(document.pop("targets", []))]
    document.pop("machine", None)
    if "batch_ns" in document:
        parts.append(batch_table(document))
        document = {key: one for key, one in document.items() if _is_scalar(one)}
    return "\n\n".join([*parts, render(document)])


def physics(reference: Path) -> str:
    """Compare the queueing model with the discrete-event reference.

    Args:
        reference: Reference document (``cwm_gym.physics.reference/1``).

    Returns:
        Markdown.

    Raises:
        SkippedError: If the document is not there.
    """
    if not reference.is_file():
        raise SkippedError("the reference document is not there; name it with --reference")
    from cwm_gym.testing.reference import TARGETS, load_cases, score, summarise

    cases = load_cases(reference)
    scores = score(cases)
    rows = []
    for name, errors in scores.items():
        if not len(errors.error):
            continue
        s, goal = summarise(errors), TARGETS[name]
        rows.append(
            [
                FIGURE_LABELS.get(name, name),
                len(errors.error),
                _pair(s.get("median"), s.get("p90")),
                _pair(goal.median, goal.p90),
                _pair(s.get("stressed_median"), s.get("stressed_p90")),
                _pair(goal.stressed_median, goal.stressed_p90),
                float(errors.error.max()),
            ]
        )
    header = ["error in %", "ticks", "all: median / p90", "goal", "stressed: median / p90"]
    ticks = table([*header, "goal", "largest"], rows)
    command = f"python benchmarks/report.py --only physics --reference {reference.name}"
    text = (
        f"{len(cases)} cases of an exact discrete-event simulation. A tick is *stressed* when more "
        "than one request waits, more than 0.1 % fail, or a tier is more than 80 % loaded."
    )
    kinds = [str(case["category"]) for case in cases]
    by_kind = []
    for kind in dict.fromkeys(kinds):
        row: list[Any] = [_words(kind), kinds.count(kind)]
        for name in ("latency_mean", "p95", "cpu_util", "error_points"):
            errors = scores[name]
            own = errors.error[[kinds[i] == kind for i in errors.case]]
            s = summarise(errors._replace(error=own, stressed=own < 0)) if len(own) else {}
            row.append(_pair(s.get("median"), s.get("p90")))
        by_kind.append(row)
    header = ["kind of case", "cases", "mean latency", "P95", "CPU utilisation"]
    kinds_table = table([*header, "error rate, points"], by_kind)
    return f"{stamp(command)}\n\n{text}\n\n{ticks}\n\nMedian / p90 by kind:\n\n{kinds_table}"


def _pair(first: float | None, second: float | None) -> str:
    if first is None and second is None:
        return ""
    return " / ".join("-" if x is None else f"{x:.2f}" for x in (first, second))


def tick_splitting() -> str:
    """Compare splitting a tick at ready times with averaging its capacity.

    Returns:
        Markdown.

    Raises:
        SkippedError: As :func:`run_script`.
    """
    result, line = run_script("tick_splitting")
    figures = ("latency_p95", "latency_mean", "error_rate", "utilisation")
    rows = []
    for label, band in result["bands"].items():
        cells = [_pair(band[name].get("median"), band[name].get("p90")) for name in figures]
        points = _pair(band["error_rate"]["points_median"], band["error_rate"]["points_p90"])
        rows.append([label, band["trials"], *cells, points])
    header = ["load of the old fleet", "trials", *(FIGURE_LABELS[name] for name in figures)]
    text = (
        "Relative difference in % between one segment of averaged capacity and a tick that is "
        "split where instances become ready, median / p90 over random scale-outs inside a "
        f"{result['tick_s']:.0f} s tick of `{result['scenario']}`."
    )
    body = table([*header, "error rate, percentage points"], rows)
    return f"{line}\n\n{text}\n\n{body}"


def tables(name: str) -> str:
    """Write the tables that a script lays out itself.

    Args:
        name: Script without its ending.

    Returns:
        Markdown.

    Raises:
        SkippedError: As :func:`run_script`.
    """
    document, line = run_script(name)
    parts = [line, document["text"]]
    for title, (header, *rows) in document["tables"].items():
        parts += [f"{title}:", table(header, rows)]
    return "\n\n".join(parts)


def _policy_cells(row: Mapping[str, Any]) -> dict[str, str]:
    """Format one policy; a mean and its interval become one cell."""
    cells = {}
    for name, (_, form) in POLICY_COLUMNS.items():
        value, ends = row.get(f"{name}_mean", row.get(name)), row.get(f"{name}_ci95")
        if value is None:
            continue
        cells[name] = format(value, form)
        if ends is not None and ends[1] > value:
            cells[name] += f" ± {format(ends[1] - value, form.lstrip('+'))}"
    return cells


def policies() -> None:
    """Fill the table of the README from the results of the demonstration.

    Raises:
        SkippedError: If the demonstration has not been run.
    """
    if not DEMO_RESULTS.is_file():
        raise SkippedError("demo/results.json is not there; run `make demo` first")
    found = json.loads(DEMO_RESULTS.read_text(encoding="utf-8"))
    rows = [_policy_cells(row) for row in found["rows"]]
    names = [name for name in POLICY_COLUMNS if any(name in row for row in rows)]
    body = table(
        [POLICY_COLUMNS[name][0] for name in names],
        [[row.get(name, "") for name in names] for row in rows],
    )
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0], 1)
    after = rest.split(MARKS[1], 1)[1]
    facts = [f"{found['date']}", f"`{found['command']}`"]
    for name, text_of in (("episodes", "held-out episodes"), ("timesteps", "training steps")):
        if name in found:
            facts.append(f"{found[name]:,} {text_of}")
    if "training_seconds" in found:
        facts.append(f"{found['training_seconds']:.0f} s of training on {machine()['processor']}")
    note = f"*Measured on {', '.join(facts)}. ± is half of the 95 % interval.*"
    filled = f"{before}{MARKS[0]}\n\n{body}\n\n{note}\n\n{MARKS[1]}{after}"
    README.write_text(filled, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the wanted parts and write their files; parts that cannot run are named."""
    parser = argparse.ArgumentParser(description="measure, and write docs/results")
    measured: dict[str, Callable[[], str]] = {
        "throughput": lambda: speed("throughput"),
        "startup": lambda: speed("startup"),
        "learning_speed": lambda: speed("learning_speed"),
        "physics": lambda: physics(options.reference),
        "physics_graphs": lambda: tables("physics_graphs"),
        "kubernetes": lambda: tables("kubernetes"),
        "tick_splitting": tick_splitting,
    }
    parser.add_argument(
        "--only", nargs="+", choices=[*measured, "policies"], help="parts to measure; all if absent"
    )
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="reference document")
    options = parser.parse_args(arguments)
    wanted = options.only or [*measured, "policies"]
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        target = RESULTS / f"{name}.md"
        try:
            if name == "policies":
                policies()
            else:
                target.write_text(measured[name]() + "\n", encoding="utf-8")
            print(f"{name}: written", flush=True)
        except SkippedError as reason:
            print(f"{name}: skipped, {reason}", flush=True)
            if name != "policies" and not target.exists():
                target.write_text(f"*Not measured: {reason}.*\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
