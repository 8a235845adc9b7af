"""What has to work where only the wheel and its core requirements are installed."""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
from importlib.resources import files
from pathlib import Path

import gymnasium as gym
import numpy as np

import cwm_gym
from cwm_gym import catalog

EXTRAS = ("matplotlib", "mkdocs", "pandas", "PIL", "pygame", "ray", "scipy", "typer", "torch")
PROVIDERS = ("aws", "azure", "digitalocean", "gcp", "oci")


def check_place() -> None:
    """The installed package is tested, and nothing beyond its requirements is there."""
    home = Path(cwm_gym.__file__).resolve()
    assert Path(sys.prefix).resolve() in home.parents, f"{home} is not in the clean environment"
    present = [name for name in EXTRAS if importlib.util.find_spec(name) is not None]
    assert not present, f"extras are installed: {present}"


def check_imports() -> int:
    """Every module imports, or says which extra it needs."""
    count, silent = 0, []
    for module in pkgutil.walk_packages(cwm_gym.__path__, "cwm_gym."):
        try:
            importlib.import_module(module.name)
        except (ImportError, SystemExit) as error:
            if "cwm-gym[" not in str(error):
                silent.append(f"{module.name}: {error}")
        count += 1
    assert not silent, f"modules that fail without naming their extra: {silent}"
    return count


def check_data() -> None:
    """Catalogs, scenarios and the type marker are in the wheel, the tests are not."""
    root = files("cwm_gym")
    assert (root / "py.typed").is_file()
    assert set(catalog.providers()) == set(PROVIDERS), catalog.providers()
    assert catalog.price("aws", "m5.large") > 0.0
    assert cwm_gym.scenarios()
    assert importlib.util.find_spec("tests") is None, "the tests are in the wheel"


def check_steps() -> None:
    """Every scenario runs, alone and in a batch."""
    for name in cwm_gym.scenarios():
        env = gym.make("CloudAutoscale-v0", scenario=name)
        observation, _ = env.reset(seed=0)
        for _ in range(10):
            observation, reward, *_ = env.step(env.action_space.sample())
            assert env.observation_space.contains(observation)
            assert np.isfinite(float(reward))
        env.close()
    batch = gym.make_vec("CloudAutoscale-v0", num_envs=8, scenario=list(cwm_gym.scenarios()))
    batch.reset(seed=0)
    for _ in range(10):
        _, rewards, *_ = batch.step(batch.action_space.sample())
        assert np.isfinite(rewards).all()
    batch.close()


if __name__ == "__main__":
    check_place()
    modules = check_imports()
    check_data()
    check_steps()
    print(f"{modules} modules, {len(cwm_gym.scenarios())} scenarios, core requirements only")
