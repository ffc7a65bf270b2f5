"""Spans in the making, and the ids they have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event as SpanEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

from runner.trace.told import present

_NAME = "deskswarm"
_RESOURCE = Resource({"service.name": _NAME, "service.version": version(_NAME)})
_SCOPE = InstrumentationScope(_NAME, version(_NAME))

Place = tuple[str | int, ...]
"""Task, attempt, step and action, as far down as the span is; empty for the run's own."""


def context_of(run: str, *place: str | int) -> SpanContext:
    """The ids of a run's span, whether it is in this trace or in another."""
    trace = hashlib.sha256(run.encode()).digest()
    span = hashlib.sha256("/".join((run, "span", *map(str, place))).encode()).digest()
    return SpanContext(
        trace_id=int.from_bytes(trace[:16], "big"),
        span_id=int.from_bytes(span[:8], "big"),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


@dataclass(slots=True)
class Draft:
    """A span as it grows. Times are in seconds since the epoch; `error` is the kind of error it ended in."""

    run: str
    place: Place
    name: str
    start: float
    end: float
    attributes: dict[str, Any]
    error: str = ""
    events: list[SpanEvent] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def add(self, name: str, at: float, attributes: dict[str, Any]) -> None:
        self.events.append(SpanEvent(name, attributes, timestamp=_nanoseconds(at)))

    def link(self, to: SpanContext) -> None:
        self.links.append(Link(to))

    def span(self) -> ReadableSpan:
        failed = {"error.type": self.error} if self.error else {}
        return ReadableSpan(
            name=self.name,
            context=context_of(self.run, *self.place),
            parent=context_of(self.run, *self.place[:-1]) if self.place else None,
            resource=_RESOURCE,
            attributes=present({**_names(self.run, self.place), **self.attributes, **failed}),
            events=self.events,
            links=self.links,
            status=Status(StatusCode.ERROR if self.error else StatusCode.UNSET),
            start_time=_nanoseconds(self.start),
            end_time=_nanoseconds(max(self.start, self.end)),
            instrumentation_scope=_SCOPE,
        )


def _names(run: str, place: Place) -> dict[str, Any]:
    names = ("deskswarm.task.id", "deskswarm.attempt.number", "deskswarm.step.number")
    return {"deskswarm.run.id": run, **dict(zip(names, place, strict=False))}


def _nanoseconds(at: float) -> int:
    return round(at * 1e9)
