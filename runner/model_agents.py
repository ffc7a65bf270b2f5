"""What people write of agents behind models: whose model, its tool, its prices, its context."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from sandboxes.spec import Model

EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]


def _base_url(url: str) -> str:
    parts = urlsplit(url)  # raises ValueError, as `port` does
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("no base address; write it as http://127.0.0.1:8000/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("an address of scheme, host, port and path only; keys belong in the environment")
    return url


BaseUrl = Annotated[str, Field(max_length=2000), AfterValidator(_base_url)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Prices(Model):
    """US dollars for a million tokens of each kind, as the provider's price list has them."""

    input: Price = Field(description="neither read from the provider's cache nor written to it")
    cached: Price | None = Field(default=None, description="read from the cache; default: as `input`")
    written: Price | None = Field(default=None, description="written to the cache; default: as `input`")
    output: Price = Field(description="reasoning included")


class Context(Model):
    """How much of what went before is sent along. What is left out is replaced by a note."""

    tokens: int = Field(default=100_000, ge=4000, le=2_000_000, description="of all that is sent at once")
    screenshots: int = Field(default=5, ge=1, le=100, description="the last ones, which are kept")


class ModelAgent(Model):
    """What agents behind models have in common."""

    model: str = Field(min_length=1, max_length=200, description="as the provider names it")
    base_url: BaseUrl | None = Field(default=None, description="default: the provider's own")
    answer_tokens: int = Field(default=4096, ge=64, le=128_000, description="limit of one answer")
    answer_s: float = Field(default=180, gt=0, le=3600, description="longest wait for one answer")
    patience_s: float = Field(
        default=300, ge=0, le=86_400, description="rate limits and outages are waited out, for one answer"
    )
    image_edge: int | None = Field(
        default=None,
        ge=256,
        le=8000,
        description="longest edge of screenshots; default: all the provider takes",
    )
    context: Context = Context()
    prices: Prices | None = Field(default=None, description="without them, money is not counted")
    goes_on: bool = Field(
        default=False, description="may start on a desktop where another attempt has done some of the work"
    )
    guidance: str = Field(default="", max_length=20_000, description="added to the system prompt")


class AnthropicAgent(ModelAgent):
    """A model of Anthropic's with one of its computer tools (docs/model-agents.md)."""

    kind: Literal["anthropic"]
    tool: Literal[
        "computer_toolset_20260801", "computer_20251124", "computer_20250124", "computer_20241022"
    ] = "computer_toolset_20260801"
    key_env: EnvName = Field(default="ANTHROPIC_API_KEY", description="the variable that has the key")


class OpenAIAgent(ModelAgent):
    """A model of OpenAI's with one of its computer tools (docs/model-agents.md)."""

    kind: Literal["openai"]
    tool: Literal["computer", "computer_use_preview"] = "computer"
    key_env: EnvName = Field(default="OPENAI_API_KEY", description="the variable that has the key")


class CompatibleAgent(ModelAgent):
    """A model behind an endpoint that speaks OpenAI's chat completions (docs/model-agents.md)."""

    kind: Literal["openai_compatible"]
    actions: Literal["ui_tars", "json"] = Field(description="how the model writes them")
    coordinates: Literal["pixels", "thousandths"] = Field(
        default="pixels", description="of the screenshot as sent; or of its width and height"
    )
    base_url: BaseUrl = Field(description="ends with the version, as `http://127.0.0.1:8000/v1`")
    key_env: EnvName | None = Field(
        default=None, description="the variable that has the key; default: no key"
    )
