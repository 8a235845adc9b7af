"""What a catalog knows about running a fleet: boot, cooldown, billing, spot capacity.

Units stand in the field names; shares are fractions unless a name ends in ``_pct``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from cwm_gym.catalog.schema import Figures


class SpotQuote(Figures):
    """What is known about the spot capacity of one size in one region.

    Attributes:
        discount: Share of the on-demand price saved.
        band: Interruption frequency over 30 days as published, for example ``"5-10%"``.
    """

    discount: float = Field(gt=0, lt=1)
    band: Literal["<5%", "5-10%", "10-15%", "15-20%", ">20%", ""] = ""

    @property
    def interruption_30d(self) -> tuple[float, float] | None:
        """Bounds of the share of instances interrupted in 30 days; ``None`` if not published."""
        bounds = {
            "<5%": (0.0, 0.05),
            "5-10%": (0.05, 0.10),
            "10-15%": (0.10, 0.15),
            "15-20%": (0.15, 0.20),
            ">20%": (0.20, 1.0),
        }
        return bounds.get(self.band)


class SpotMarket(Figures):
    """The spot market of a provider.

    Attributes:
        notice_seconds: Warning before an instance is taken away.
        assumed_discount: Discount to simulate where the recorded one is stale.
        discount_range: Range to draw the discount from where the recorded one is stale.
        quotes: Quotes by region code and size, where the provider publishes them.
    """

    notice_seconds: float = Field(gt=0)
    assumed_discount: float | None = Field(default=None, gt=0, lt=1)
    discount_range: tuple[float, float] | None = None
    quotes: Mapping[str, Mapping[str, SpotQuote]] = Field(default_factory=dict, repr=False)


class BootTime(Figures):
    """One published figure for the time from request to usable instance.

    Attributes:
        seconds: Time in seconds.
        what: What was measured, on what and when.
    """

    seconds: float = Field(gt=0)
    what: str


class Timing(Figures):
    """How fast a provider's virtual machines and its autoscaler react.

    Attributes:
        boot_seconds: Request to usable instance, as the simulation uses it.
        boot_alternatives: Other published figures.
        cooldown_seconds: Autoscaler cooldown that the specification gives.
        cooldown_default_seconds: The provider's own default; ``None`` where none was found.
    """

    boot_seconds: float = Field(gt=0)
    boot_alternatives: tuple[BootTime, ...] = ()
    cooldown_seconds: float = Field(ge=0)
    cooldown_default_seconds: float | None = Field(default=None, ge=0)


class Billing(Figures):
    """How running time of virtual machines becomes money.

    Attributes:
        granularity_seconds: Running time is rounded up to a multiple of this.
        minimum_seconds: Shortest running time billed.
        minimum_usd: Smallest bill.
        monthly_cap_hours: Hours after which a calendar month costs no more.
    """

    granularity_seconds: float = Field(gt=0)
    minimum_seconds: float = Field(ge=0)
    minimum_usd: float | None = Field(default=None, ge=0)
    monthly_cap_hours: float | None = Field(default=None, gt=0)


class AutoscalerDefaults(Figures):
    """Autoscaler settings at the start of an episode.

    Attributes:
        scale_out_cpu_pct: Scale out above this CPU utilisation, per cent.
        scale_in_cpu_pct: Scale in below this CPU utilisation, per cent.
        min_instances: Smallest fleet.
        max_instances: Largest fleet.
    """

    scale_out_cpu_pct: float = Field(gt=0, le=100)
    scale_in_cpu_pct: float = Field(ge=0, le=100)
    min_instances: int = Field(ge=0)
    max_instances: int = Field(ge=1)
