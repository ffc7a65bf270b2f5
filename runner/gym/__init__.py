"""Any suite as an environment of Gymnasium's API. To import this registers `deskswarm/Suite-v0`."""

from __future__ import annotations

try:
    import gymnasium
except ImportError as error:
    raise ImportError("runner.gym needs Gymnasium: pip install 'deskswarm[gym]'") from error

from runner.gym.env import ID, DeskswarmEnv

__all__ = ["ID", "DeskswarmEnv"]

# Applications on a real desktop may paint, or answer, differently from one time to the next.
gymnasium.register(ID, entry_point="runner.gym.env:DeskswarmEnv", nondeterministic=True)
