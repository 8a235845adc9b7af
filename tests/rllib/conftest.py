"""These tests need RLlib, which requires an older Gymnasium: ``make test-rllib`` runs them."""

from __future__ import annotations

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("ray") else ["test_*.py"]
