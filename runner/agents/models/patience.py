"""Rate limits and outages are waited out, as long as the agent's own patience and its attempt's time allow.

The providers' SDKs are told not to retry: how long is waited, and for what, is ours to declare and to log.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import ClassVar, TypeVar

import anyio

from sandboxes.errors import InfraError

T = TypeVar("T")

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
_AGAIN = frozenset({408, 409, 425, 429})


class ProviderError(InfraError):
    """A model's provider does not answer, or not to this request. Never scored as an agent's failure."""

    cause: ClassVar[str] = "provider"


class Trouble(Exception):
    """One request failed. `again` says that it may be tried again, `after_s` when at the earliest."""

    def __init__(
        self, message: str, *, again: bool = False, after_s: float | None = None, code: str = ""
    ) -> None:
        super().__init__(message)
        self.again = again
        self.after_s = after_s
        self.code = code


def trouble_of(status: int, headers: Mapping[str, str], message: str, code: str = "") -> Trouble:
    """What an answer with an HTTP status of 400 and more means."""
    again = (status in _AGAIN or status >= 500) and code != "insufficient_quota"
    return Trouble(f"{status}: {message[:2000]}", again=again, after_s=retry_after(headers), code=code)


@contextmanager
def reading_an_answer() -> Iterator[None]:
    """Nothing a provider sends may break more than its own request. Raises Trouble for what is no answer."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        described = f"{type(error).__name__}: {error}"[:500]
        raise Trouble(f"its answer is not of the protocol ({described})") from error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from `retry-after-ms` or from `retry-after` as a number or a date; None where neither says."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return max(0.0, float(headers[name]) / unit)
        except (KeyError, ValueError):
            continue
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError):
        return None


async def wait_out(
    ask: Callable[[], Awaitable[T]], limit_s: float, log: Callable[[str], None], *, attempt_s: float
) -> T:
    """What `ask` answers, tried again after each Trouble that allows it, for `limit_s` at most, and never
    beyond the attempt's own `attempt_s`.

    Raises ProviderError once a wait would exceed either, and Trouble that does not pass.
    """
    deadline = anyio.current_time() + min(limit_s, attempt_s)
    backoff = FIRST_WAIT_S
    while True:
        try:
            return await ask()
        except Trouble as trouble:
            if not trouble.again:
                raise
            wait = trouble.after_s if trouble.after_s is not None else backoff * random.uniform(0.5, 1)
            left = max(0.0, deadline - anyio.current_time())
            if wait > left:
                raise ProviderError(
                    f"{trouble}; the next try would be in {wait:.1f} s, with {left:.1f} s left "
                    f"(patience_s: {limit_s:g}, the attempt: {attempt_s:.0f} s)"
                ) from None
            log(f"waits {wait:.1f} s: {trouble}")
        await anyio.sleep(wait)
        backoff = min(2 * backoff, LONGEST_WAIT_S)
