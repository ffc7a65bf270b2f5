"""The viewer's server: who it lets in, what it answers, and that it is live."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection, HTTPResponse
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest
from anyio import to_thread
from PIL import Image

from runner.artifacts import ArtifactStore
from runner.journal import Journal
from runner.view.library import MAX_OPEN, Library
from runner.view.server import serve
from sandboxes.deadline import Pace, deadline
from sandboxes.errors import InputError
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio

TOKEN = "a-token-for-tests"


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]


class Client:
    """Asks the server as a browser would."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = f"deskswarm-{port}={TOKEN}"

    async def get(self, path: str, **headers: str) -> Answer:
        return await to_thread.run_sync(self._get, path, {"Cookie": self.cookie, **headers})

    async def json(self, path: str) -> Any:
        return json.loads((await self.get(path)).body)

    def _get(self, path: str, headers: dict[str, str]) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers=headers)
            answer: HTTPResponse = connection.getresponse()
            return Answer(answer.status, answer.read(), dict(answer.getheaders()))
        finally:
            connection.close()


@asynccontextmanager
async def serving(home: Path, store: ArtifactStore) -> AsyncIterator[Client]:
    with Journal(home) as journal:
        async with anyio.create_task_group() as tasks:
            yield Client(await tasks.start(serve, Library(journal, store), TOKEN, 0))
            tasks.cancel_scope.cancel()


@pytest.fixture
async def run(lab: Laboratory) -> str:
    return (await lab.run(task("a"))).id


async def test_the_token_in_the_address_becomes_a_cookie(lab: Laboratory, run: str) -> None:
    async with serving(lab.home, lab.store) as client:
        answer = await client.get(f"/runs/{run}/?token={TOKEN}", Cookie="")
        assert answer.status == 303
        assert answer.headers["Location"] == f"/runs/{run}/"
        for part in (client.cookie, "HttpOnly", "SameSite=Strict"):
            assert part in answer.headers["Set-Cookie"]
        for path in ("//elsewhere.example/", "/\\elsewhere.example", "/nothing"):
            assert (await client.get(f"{path}?token={TOKEN}")).headers["Location"] == "/"
        assert (await client.get("/")).status == 200


async def test_without_the_token_nothing_is_shown(lab: Laboratory, run: str) -> None:
    async with serving(lab.home, lab.store) as client:
        for path in ("/", "/catalogue", f"/runs/{run}/data", "/?token=wrong", "/?token="):
            for cookie in ("", "deskswarm=other", f"deskswarm-{client.port}=wrong", "=;;"):
                answer = await client.get(path, Cookie=cookie)
                assert answer.status == 403, (path, cookie)
                assert run.encode() not in answer.body


async def test_a_site_that_leads_here_under_its_own_name_is_refused(lab: Laboratory, run: str) -> None:
    async with serving(lab.home, lab.store) as client:
        assert (await client.get("/catalogue", Host=f"evil.example:{client.port}")).status == 421
        assert (await client.get("/catalogue", Host=f"localhost:{client.port}")).status == 200


async def test_the_catalogue_lists_runs_the_newest_first(lab: Laboratory, run: str) -> None:
    async with serving(lab.home, lab.store) as client:
        assert [one["id"] for one in (await client.json("/catalogue"))["runs"]] == [run]
        later = (await lab.run(task("b"), task("c"))).id
        listed = await client.json("/catalogue")
    assert [one["id"] for one in listed["runs"]] == [later, run]
    assert (listed["runs"][0]["status"], listed["runs"][0]["done"], listed["runs"][0]["tasks"]) == (
        "succeeded",
        2,
        2,
    )
    assert listed["desktops"] == []


async def test_a_run_has_a_page_with_data_and_sheets(lab: Laboratory, run: str) -> None:
    async with serving(lab.home, lab.store) as client:
        page = await client.get(f"/runs/{run}/")
        assert b"Content-Security-Policy" in page.body
        assert b"connect-src 'self'" in page.body
        data = json.loads(zlib.decompress((await client.get(f"/runs/{run}/data")).body))
        assert [one["id"] for one in data["runs"][0]["tasks"]] == ["a"]
        with Image.open(BytesIO((await client.get(f"/runs/{run}/sheets/0")).body)) as sheet:
            assert sheet.size == (64, 64 * data["sheets"][0])


async def test_what_is_not_there_is_not_found(lab: Laboratory, run: str) -> None:
    missing = ("/nothing", "/runs/r-unknown/", f"/runs/{run}", "/runs/../../etc/passwd", "/frames/xyz")
    async with serving(lab.home, lab.store) as client:
        for path in (*missing, f"/runs/{run}/sheets/99"):
            assert (await client.get(path)).status == 404, path


async def test_a_frame_that_is_not_kept_is_an_error_that_says_so(lab: Laboratory, run: str) -> None:
    async with serving(lab.home, lab.store) as client:
        answer = await client.get(f"/frames/{'0' * 64}")
    assert (answer.status, b"0" * 64 in answer.body) == (500, True)


async def test_a_desktop_at_work_is_on_the_wall_and_its_run_gets_longer(lab: Laboratory) -> None:
    """The wait in the middle ends when the test is done looking."""
    wait = {"wait_for": {"target": {"name": "Not there"}, "state": "visible"}}
    wait["wait_for"]["target"]["timeout"] = 600  # type: ignore[index]
    with Journal(lab.home):
        async with serving(lab.home, lab.store) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(lab.run, task("a", {"type": "hello"}, {"type": " world"}, wait))
            with deadline("two steps", 120):
                pace = Pace()
                while not (live := (await client.json("/catalogue"))["desktops"]) or live[0]["steps"] < 2:
                    await pace.wait()
            [desktop] = live
            run = desktop["run"]
            assert (desktop["task"], desktop["attempt"], desktop["swarm"]) == ("a", 1, "test")
            picture = await client.get(f"/frames/{desktop['frame']}")
            with Image.open(BytesIO(picture.body)) as image:
                assert image.size == (640, 480)
            version = (await client.get(f"/runs/{run}/version")).body
            data = json.loads(zlib.decompress((await client.get(f"/runs/{run}/data")).body))
            assert data["runs"][0]["status"] == "running"
            assert len(data["runs"][0]["tasks"][0]["attempts"][0]["steps"]) >= 2
            tasks.cancel_scope.cancel()
    async with serving(lab.home, lab.store) as client:
        after = (await client.get(f"/runs/{run}/version")).body
        assert after.split(b".")[0] != version.split(b".")[0]  # another server: another edition
        assert after.endswith(b"cancelled")
        assert (await client.json("/catalogue"))["desktops"] == []


async def test_an_open_run_keeps_its_edition_while_it_is_read(lab: Laboratory) -> None:
    runs = [(await lab.run(task("a"))).id for _ in range(MAX_OPEN + 1)]
    with Journal(lab.home) as journal:
        library = Library(journal, lab.store)
        version = library.open(runs[0]).version()
        assert library.open(runs[0]).version() == version
        for run in runs[1:]:
            library.open(run)
        assert library.open(runs[0]).version() != version


async def test_a_port_that_is_taken_is_an_input_error(lab: Laboratory, run: str) -> None:
    async with serving(lab.home, lab.store) as client:
        with Journal(lab.home) as journal, pytest.raises(InputError, match=f"port: {client.port}"):
            await serve(Library(journal, lab.store), TOKEN, client.port)
