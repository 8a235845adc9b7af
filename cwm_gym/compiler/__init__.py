"""From documents to records: the one crossing between what users write and the kernel reads."""

from __future__ import annotations

from cwm_gym.compiler.migrate import migrate
from cwm_gym.compiler.options import Options
from cwm_gym.compiler.program import Program, compile_simulation

__all__ = ["Options", "Program", "compile_simulation", "migrate"]
