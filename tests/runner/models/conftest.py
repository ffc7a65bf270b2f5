"""Keys in the environment, for all tests of agents behind models."""

from __future__ import annotations

import pytest

from tests.runner.models.strict import KEY


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's, and nothing else of theirs that an SDK would read."""
    for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "OPENAI_BASE_URL", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "LOCAL_KEY"):
        monkeypatch.setenv(name, KEY)
