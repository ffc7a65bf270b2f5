"""What the agents behind OpenAI's package share: its client, and what its errors mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from runner.agents.models.keys import load_package, read_key, scrubbed
from runner.agents.models.patience import Trouble, reading_an_answer, trouble_of
from runner.model_agents import CompatibleAgent, OpenAIAgent

_NO_KEY = "none"  # the package insists on one


class OpenAIClient:
    """`client` is there within a session."""

    def __init__(self, spec: OpenAIAgent | CompatibleAgent) -> None:
        """Raises InputError without the package or the key."""
        self._spec = spec
        self._sdk = load_package(spec.kind, "openai")
        self._key = read_key(spec.kind, spec.key_env) if spec.key_env else None
        self.client: Any = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        client = self._sdk.AsyncOpenAI(
            api_key=self._key or _NO_KEY,
            base_url=self._spec.base_url,
            max_retries=0,
            timeout=self._spec.answer_s,
        )
        async with client as self.client:
            yield

    async def send(self, request: Awaitable[Any]) -> dict[str, Any]:
        """The answer as the provider wrote it. Raises Trouble."""
        answer = await self._sent(request)
        with reading_an_answer():
            told: dict[str, Any] = answer.to_dict(mode="json", warnings=False)
        return told

    async def _sent(self, request: Awaitable[Any]) -> Any:
        try:
            return await request
        except self._sdk.APIStatusError as error:
            message, code = self.scrubbed(error.message), error.code or ""
            raise trouble_of(error.status_code, error.response.headers, message, code) from None
        except self._sdk.APIConnectionError as error:
            raise Trouble(self.scrubbed(str(error)), again=True) from None
        except self._sdk.OpenAIError as error:
            raise Trouble(self.scrubbed(str(error))) from None

    def scrubbed(self, text: str) -> str:
        return scrubbed(text, self._key)
