"""The dashboard: pictures, text and window."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.error import DependencyNotInstalled

from cwm_gym.envs.rendering import Dashboard, Frame, HumanWindow
from cwm_gym.envs.rendering import canvas as c
from cwm_gym.envs.rendering.frame import History
from cwm_gym.envs.rendering.panels import Layout
from cwm_gym.envs.rendering.plot import counting, linear, logarithmic
from cwm_gym.envs.rendering.raster import SUBCOLUMNS, cover, disc, stroke
from cwm_gym.envs.rendering.text import (
    clock,
    count,
    dollars,
    duration,
    milliseconds,
    percent,
    short_clock,
    signed,
    sparkline,
)
from cwm_gym.spec.errors import SpecError

CALM = Frame(
    sim_time_s=60.0,
    demand_rps=400.0,
    capacity_rps=600.0,
    served_rps=400.0,
    latency_p95_ms=80.0,
    error_rate=0.0,
    utilisation=0.66,
    cost_usd_per_hour=1.5,
    ready=4,
    pending=1,
    connection_pressure=0.4,
    reward=0.5,
    action="no_op",
)
OVERLOADED = replace(
    CALM,
    demand_rps=900.0,
    served_rps=600.0,
    latency_p95_ms=2_000.0,
    error_rate=0.33,
    utilisation=1.0,
    cost_usd_per_hour=2.6,
    connection_pressure=1.2,
)


def dashboard(**changes: Any) -> Dashboard:
    arguments: dict[str, Any] = {
        "title": "CloudAutoscale-v0",
        "subtitle": "aws-web-app",
        "sla_latency_ms": 250.0,
        "sla_error_rate": 0.01,
        "budget_usd_per_hour": 2.0,
        "fleet_bounds": (2, 12),
        "horizon_steps": 240,
    }
    return Dashboard(**(arguments | changes))


def fill(board: Dashboard, frame: Frame, steps: int, after: int = 0) -> Dashboard:
    for step in range(after + 1, after + steps + 1):
        board.push(replace(frame, sim_time_s=60.0 * step))
    return board


def reds(picture: npt.NDArray[np.uint8]) -> int:
    """Pixels in which red clearly outweighs both others, as in the colour of violation only."""
    red, green, blue = (picture[..., i].astype(int) for i in range(3))
    return int(((red > 2 * green) & (red > 2 * blue) & (red > 80)).sum())


def crop(picture: npt.NDArray[np.uint8], panel: str) -> npt.NDArray[np.uint8]:
    left, top, right, bottom = getattr(Layout.of((960, 540)), panel)
    return picture[top:bottom, left:right]


@pytest.mark.parametrize("size", [(960, 540), (640, 360), (1000, 480), (700, 700)])
def test_rgb_has_the_size_asked_for(size: tuple[int, int]) -> None:
    picture = fill(dashboard(size=size), CALM, 10).rgb()
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8


def test_rgb_is_a_fresh_writable_array() -> None:
    board = fill(dashboard(), CALM, 10)
    first = board.rgb()
    untouched = first.copy()
    first[:] = 0
    second = board.rgb()
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(second, untouched)


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 240, 2000])
@pytest.mark.parametrize(
    "frame",
    [
        CALM,
        OVERLOADED,
        replace(CALM, demand_rps=0.0, served_rps=0.0, utilisation=0.0, latency_p95_ms=0.0),
        replace(CALM, capacity_rps=0.0, demand_rps=0.0, served_rps=0.0, ready=0, pending=0),
        replace(CALM, latency_p95_ms=5e4, connection_pressure=None),
    ],
    ids=["calm", "overloaded", "no traffic", "nothing at all", "huge latency"],
)
def test_any_history_can_be_drawn(frame: Frame, steps: int) -> None:
    board = fill(dashboard(history=2000, horizon_steps=2000), frame, steps)
    picture = board.rgb()
    # Nothing may spill over the margin around the panels.
    for edge in (picture[:10], picture[-10:], picture[:, :10], picture[:, -10:]):
        assert (edge == c.BACKGROUND).all()
    board.ansi()


def test_nothing_is_red_while_all_limits_are_kept() -> None:
    picture = fill(dashboard(), CALM, 60).rgb()
    _, top, right, bottom = Layout.of((960, 540)).traffic
    picture[top : top + 28, :right] = 0  # the legend's swatch of unserved traffic
    assert reds(picture[:bottom]) == 0


@pytest.mark.parametrize(
    ("panel", "change"),
    [
        ("latency", {"latency_p95_ms": 2_000.0}),
        ("cost", {"cost_usd_per_hour": 2.6}),
        ("footer", {"connection_pressure": 1.2}),
        ("traffic", {"served_rps": 200.0}),
    ],
)
def test_each_violation_shows_in_its_own_panel(panel: str, change: dict[str, Any]) -> None:
    calm = fill(dashboard(), CALM, 60).rgb()
    broken = fill(dashboard(), replace(CALM, **change), 60).rgb()
    assert reds(crop(broken, panel)) > reds(crop(calm, panel)) + 50
    for other in {"latency", "cost", "traffic", "fleet"} - {panel}:
        np.testing.assert_array_equal(crop(broken, other), crop(calm, other))


@pytest.mark.parametrize(
    ("tile", "change"),
    [
        (1, {"latency_p95_ms": 251.0}),
        (2, {"error_rate": 0.011}),
        (3, {"cost_usd_per_hour": 2.01}),
    ],
)
def test_tiles_turn_red_just_above_the_limit(tile: int, change: dict[str, Any]) -> None:
    left, top, right, bottom = Layout.of((960, 540)).tiles[tile]
    at_limit = replace(CALM, latency_p95_ms=250.0, error_rate=0.01, cost_usd_per_hour=2.0)
    kept = fill(dashboard(), at_limit, 3).rgb()[top:bottom, left:right]
    broken = fill(dashboard(), replace(at_limit, **change), 3).rgb()[top:bottom, left:right]
    assert reds(kept) == 0
    assert reds(broken) > 50


def test_error_violation_shades_the_traffic_chart() -> None:
    calm = crop(fill(dashboard(), CALM, 60).rgb(), "traffic")
    errors = crop(fill(dashboard(), replace(CALM, error_rate=0.05), 60).rgb(), "traffic")
    assert (errors[..., 0].astype(int) > calm[..., 0]).sum() > 10_000


def test_one_bad_step_stays_visible_in_a_long_history() -> None:
    board = fill(dashboard(history=2000, horizon_steps=2000), CALM, 1000)
    fill(board, OVERLOADED, 1, after=1000)
    fill(board, CALM, 999, after=1001)
    assert reds(crop(board.rgb(), "latency")) > 10


def test_a_database_gauge_stands_only_where_there_is_a_database() -> None:
    without = crop(fill(dashboard(), replace(CALM, connection_pressure=None), 5).rgb(), "footer")
    with_one = crop(fill(dashboard(), CALM, 5).rgb(), "footer")
    right_half = slice(without.shape[1] // 2, -5)
    assert len(np.unique(without[5:-5, right_half].reshape(-1, 3), axis=0)) == 1
    assert (with_one == c.READY).all(axis=-1).any()


def test_clear_starts_anew() -> None:
    board = fill(dashboard(), OVERLOADED, 30)
    board.clear()
    np.testing.assert_array_equal(board.rgb(), dashboard().rgb())
    assert board.ansi() == dashboard().ansi()
    fill(board, CALM, 7)
    np.testing.assert_array_equal(board.rgb(), fill(dashboard(), CALM, 7).rgb())


def test_going_back_in_time_forgets_what_came_after() -> None:
    board = fill(dashboard(), replace(CALM, events=("ok",)), 10)
    fill(board, replace(OVERLOADED, events=("bad",)), 10, after=10)
    fill(board, replace(CALM, events=("ok",)), 1, after=10)
    straight = fill(dashboard(), replace(CALM, events=("ok",)), 11)
    np.testing.assert_array_equal(board.rgb(), straight.rgb())
    assert board.ansi() == straight.ansi()


def test_copies_and_pickles_draw_the_same() -> None:
    board = fill(dashboard(), OVERLOADED, 20)
    picture = board.rgb()
    for twin in (copy.deepcopy(board), pickle.loads(pickle.dumps(board))):
        np.testing.assert_array_equal(twin.rgb(), picture)


def test_long_labels_stay_inside_the_image() -> None:
    long = "wide " * 60
    frame = replace(CALM, action=long, events=(long, long), sim_time_s=1e8, reward=-1e7)
    board = dashboard(title=long, subtitle=long)
    board.push(frame)
    picture = board.rgb()
    assert (picture[:, -10:] == c.BACKGROUND).all()
    tile_left = Layout.of((960, 540)).tiles[0][0]
    assert (picture[14:70, tile_left - 10 : tile_left] == c.BACKGROUND).all()
    assert max(map(len, board.ansi().splitlines())) <= 80


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_cannot_be_drawn_is_refused(value: float) -> None:
    board = fill(dashboard(), CALM, 3)
    before = board.ansi()
    with pytest.raises(SpecError, match="/latency_p95_ms"):
        board.push(replace(CALM, sim_time_s=240.0, latency_p95_ms=value))
    assert board.ansi() == before


@pytest.mark.parametrize(
    "change",
    [
        {"sla_latency_ms": 0.0},
        {"sla_error_rate": 1.5},
        {"budget_usd_per_hour": -1.0},
        {"fleet_bounds": (5, 2)},
        {"horizon_steps": 0},
        {"size": (100, 100)},
        {"history": 0},
        {"sla_latency_ms": math.nan},
    ],
    ids=str,
)
def test_bad_arguments_are_named(change: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=f"/{next(iter(change))}"):
        dashboard(**change)


def test_missing_pillow_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "PIL"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    board = fill(dashboard(), CALM, 3)
    assert board.ansi()
    with pytest.raises(DependencyNotInstalled, match=r'pip install "cwm-gym\[render\]"'):
        board.rgb()


def test_missing_pygame_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(DependencyNotInstalled, match=r'pip install "cwm-gym\[human\]"'):
        HumanWindow().show(np.zeros((20, 30, 3), np.uint8))


@pytest.mark.parametrize("steps", [0, 1, 5, 240, 2000])
def test_ansi_fits_a_terminal(steps: int) -> None:
    events = ("az_outage: three instances lost in us-east-1a",)
    board = fill(dashboard(history=2000), replace(OVERLOADED, events=events), steps)
    lines = board.ansi().split("\n")
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in board.ansi()


def test_ansi_states_the_figures_and_marks_violations() -> None:
    calm, broken = fill(dashboard(), CALM, 3).ansi(), fill(dashboard(), OVERLOADED, 3).ansi()
    for text in ("400 of 600 rps", "80 ms / 250 ms", "$1.50 / $2.00", "0 % / 1 %", "4 ready"):
        assert text in calm
    assert "step 3/240" in calm
    assert "sum +1.50" in calm
    assert calm.count("!") == 0
    assert broken.count("!") == 4
    assert "lost 300 rps" in broken


def test_ansi_leaves_out_an_absent_database() -> None:
    assert "db connections 40 %" in fill(dashboard(), CALM, 1).ansi()
    absent = replace(CALM, connection_pressure=None)
    assert "db connections" not in fill(dashboard(), absent, 1).ansi()


def test_sparkline_keeps_peaks_and_pads_at_the_left() -> None:
    assert sparkline(np.array([0.0, 1.0]), 4, 0.0, 1.0) == "  ▁█"
    spike = np.zeros(1000)
    spike[501] = 1.0
    assert sparkline(spike, 20, 0.0, 1.0).count("█") == 1


def test_history_forgets_the_oldest_and_keeps_the_totals() -> None:
    history = History(4)
    for step in range(1, 12):
        history.push(replace(CALM, sim_time_s=float(step), reward=1.0))
    assert history.series(100).time.tolist() == [8.0, 9.0, 10.0, 11.0]
    assert (history.steps, history.total_reward) == (11, 11.0)
    assert (history.since_s, history.tick_s) == (7.0, 1.0)


def test_bins_show_the_worst_and_do_not_move_with_the_window() -> None:
    history = History(100)
    ends = set()
    for step in range(1, 201):
        latency = 900.0 if step == 150 else 80.0
        history.push(replace(OVERLOADED, sim_time_s=float(step), latency_p95_ms=latency))
        if step > 150:
            series = history.series(25)
            assert len(series) <= 26
            assert series.latency.max() == 900.0
            assert (series.lost == 300.0).all()
            ends.update(series.time[:-1].tolist())
    assert all(end % 4 == 0 for end in ends)


def test_cover_is_the_exact_area() -> None:
    top = np.full(SUBCOLUMNS * 3, 1.25)
    mask, first = cover(top, np.full_like(top, 3.5), 10)
    assert first == 1
    np.testing.assert_array_equal(mask, np.tile([[191], [255], [128]], (1, 3)))
    empty, _ = cover(top, top, 10)
    assert empty.shape == (0, 3)


def test_cover_is_cut_at_the_border() -> None:
    mask, first = cover(np.full(SUBCOLUMNS, -50.0), np.full(SUBCOLUMNS, 1e6), 6)
    assert first == 0
    assert mask.tolist() == [[255]] * 6


def test_stroke_has_the_thickness_of_its_pen() -> None:
    mask, _ = stroke(np.full(SUBCOLUMNS * 8, 5.0), 2.0, 12, SUBCOLUMNS * 4)
    np.testing.assert_allclose(mask[:, :4].sum(axis=0) / 255, 2.0, atol=0.02)
    assert not mask[:, 4:].any()
    slope = np.linspace(0, 100, SUBCOLUMNS * 100, endpoint=False)
    diagonal, _ = stroke(slope, 2.0, 100, len(slope))
    # A 45 degree line of thickness 2 covers 2 sqrt(2) of a column; the pen is sampled.
    np.testing.assert_allclose(diagonal[:, 20:80].sum(axis=0) / 255, 2 * math.sqrt(2), rtol=0.12)


def test_disc_has_the_area_of_a_circle() -> None:
    assert disc(3.0).sum() / 255 == pytest.approx(math.pi * 9, rel=0.03)


@pytest.mark.parametrize("largest", [0.0, 1e-6, 0.9, 1.0, 17.0, 1234.0, 9.9e8])
@pytest.mark.parametrize("intervals", [3, 4])
def test_linear_axes_hold_the_data_in_few_ticks(largest: float, intervals: int) -> None:
    scale = linear(largest, intervals)
    assert scale.top >= largest * (1 - 1e-9)
    assert 2 <= len(scale.ticks) <= intervals + 1
    assert scale.ticks[0] == 0.0
    assert scale.ticks[-1] == scale.top


@pytest.mark.parametrize("largest", [0, 1, 2, 3, 13, 100, 1001])
def test_counting_axes_have_whole_ticks(largest: int) -> None:
    scale = counting(largest, 3)
    assert scale.top >= max(largest, 1)
    assert all(tick == int(tick) for tick in scale.ticks)
    assert len(scale.ticks) <= 4


@pytest.mark.parametrize(("low", "high"), [(1.0, 3.0), (50.0, 750.0), (2.5, 5e4), (1e-3, 1e9)])
def test_logarithmic_axes_hold_the_data_in_few_ticks(low: float, high: float) -> None:
    scale = logarithmic(low, high)
    assert scale.floor <= low
    assert scale.top >= high
    assert 2 <= len(scale.ticks) <= 6
    heights = scale.height(np.array([0.0, scale.floor, scale.top, 1e99]))
    np.testing.assert_allclose(heights, [0.0, 0.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (count(0.0), "0"),
        (count(9.996), "10"),
        (count(812.4), "812"),
        (count(999.7), "1k"),
        (count(1250.0), "1.25k"),
        (count(3.2e6), "3.2M"),
        (milliseconds(182.3), "182 ms"),
        (milliseconds(999.9), "1 s"),
        (milliseconds(5e4), "50 s"),
        (dollars(3.416), "$3.42"),
        (dollars(1250.0), "$1.25k"),
        (percent(0.0), "0 %"),
        (percent(0.00001), "<0.01 %"),
        (percent(0.0042), "0.42 %"),
        (percent(0.999), "100 %"),
        (clock(8070.0), "02:14:30"),
        (clock(90_000.0), "1d 01:00:00"),
        (short_clock(90_000.0), "1d 01:00"),
        (duration(0.0), "0"),
        (duration(5400.0), "1h30m"),
        (signed(12.844), "+12.84"),
        (signed(-1204.4), "-1204"),
    ],
)
def test_numbers_read_well(text: str, expected: str) -> None:
    assert text == expected


def test_window_shows_frames_and_stays_shut_once_dismissed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = HumanWindow("test")
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[3, 7] = (10, 20, 30)
    window.show(picture)
    assert pygame.display.get_surface().get_at((7, 3))[:3] == (10, 20, 30)
    states = [window.is_open]
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    for act in (window.show, window.show, None, window.show, None, None):
        if act is None:
            window.close()
        else:
            act(picture)
        states.append(window.is_open)
    assert states == [True, False, False, False, True, False, False]
