"""Content-addressed bytes: outputs of tasks, screenshots, trees, checkpoints.

A blob is named by the SHA-256 of what it holds, so it never changes and is kept once. The names
people use (`TASK.OUTPUT`) are pointers to hashes, one a version, and live in the journal.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from io import UnsupportedOperation
from pathlib import Path
from typing import Annotated, Any

import fsspec  # type: ignore[import-untyped]
from pydantic import Field

from sandboxes.errors import InfraError

ARTIFACTS = "artifacts"
"""The store's folder under deskswarm's home."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def sha256(data: bytes) -> Sha256:
    return hashlib.sha256(data).hexdigest()


class ArtifactStore:
    """Blobs under one folder of any file system fsspec knows; `url` is a path or `s3://…`.

    Calls block; asynchronous code makes them in a worker thread.
    """

    def __init__(self, url: str | Path) -> None:
        # A cached listing would hide what another process has put since.
        self._fs, self._root = fsspec.url_to_fs(str(url), use_listings_cache=False)

    def put(self, data: bytes) -> Sha256:
        """Keep `data`; on return it is on disk, whole, under its hash. Raises InfraError."""
        digest = sha256(data)
        path = self._path(digest)
        try:
            if not self._fs.exists(path):
                self._write(path, data)
        except OSError as error:
            raise InfraError(f"blob {digest} cannot be kept in {self._root}: {error}") from error
        return digest

    def get(self, digest: Sha256) -> bytes:
        """The bytes of that hash, verified. Raises InfraError for missing or damaged ones."""
        try:
            data: bytes = self._fs.cat_file(self._path(digest))
        except FileNotFoundError:
            raise InfraError(f"blob {digest} is missing from {self._root}") from None
        if sha256(data) != digest:
            raise InfraError(f"blob {digest} in {self._root} is damaged: its content has another hash")
        return data

    def has(self, digest: Sha256) -> bool:
        return bool(self._fs.exists(self._path(digest)))

    def _path(self, digest: Sha256) -> str:
        return f"{self._root}/{digest[:2]}/{digest[2:]}"

    def _write(self, path: str, data: bytes) -> None:
        """Under a name of its own first, so that no reader and no crash sees half a blob."""
        folder = path.rpartition("/")[0]
        self._fs.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/.{secrets.token_hex(8)}"
        with self._fs.open(temporary, "wb") as file:
            file.write(data)
            _sync(file)
        self._fs.mv(temporary, path)


def _sync(file: Any) -> None:
    """Force a local file to disk; a bucket has no descriptor, and stores an object whole or not at all."""
    try:
        descriptor = file.fileno()
    except (AttributeError, UnsupportedOperation):
        return
    file.flush()
    os.fsync(descriptor)
