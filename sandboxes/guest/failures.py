"""A request that could not be carried out, and why."""

from __future__ import annotations

from .protocol import ErrorKind, Failure

_MAX_MESSAGE = 4000


class RequestFailed(Exception):
    """Becomes the `Failure` of the reply."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind

    def failure(self) -> Failure:
        return Failure(kind=self.kind, message=str(self)[:_MAX_MESSAGE])
