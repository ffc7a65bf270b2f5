"""Every endpoint of OSWorld's guest protocol: its fields, its codes, and what it does on the desktop."""

from __future__ import annotations

import io
from collections.abc import Callable

import aiohttp
import anyio
import pytest
from lxml import etree
from PIL import Image

from sandboxes.deadline import Pace
from sandboxes.host import Host
from tests.runner.osworld.conftest import PATIENCE_S, Client, served

pytestmark = pytest.mark.anyio


async def test_looks(client: Client) -> None:
    assert (await client.get("/platform")).body == b"Linux"
    assert (await client.post("/screen_size")).json == {"width": 1920, "height": 1080}
    await client.shell("xdotool mousemove 321 234")
    assert (await client.get("/cursor_position")).json == [321, 234]
    shot = await client.get("/screenshot")
    assert shot.headers["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(shot.body)).size == (1920, 1080)


async def test_the_accessibility_tree_is_osworlds_xml(client: Client) -> None:
    await client.post("/setup/launch", {"command": ["mousepad"]})
    await client.until("wmctrl -lx | grep -i mousepad")
    root = etree.fromstring((await client.get("/accessibility")).json["AT"])
    assert root.tag == "desktop-frame"
    assert "mousepad" in {element.get("name") for element in root.iter("application")}
    await client.shell("pkill mousepad")


async def test_execute(client: Client) -> None:
    plain = await client.post("/execute", {"command": ["echo", "a b", "~/x"]})
    assert plain.status == 200
    assert plain.json == {"status": "success", "output": "a b /home/user/x\n", "error": "", "returncode": 0}
    failing = await client.post("/setup/execute", {"command": "sh -c 'echo no >&2; exit 3'", "shell": False})
    assert (failing.status, failing.json["returncode"], failing.json["error"]) == (200, 3, "no\n")
    shell = await client.post("/execute", {"command": ["echo $0"], "shell": True})
    assert shell.json["output"] == "/bin/sh\n"


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"command": ["no-such-program"]}, 500, "no-such-program"),
        ({"command": "echo 'open"}, 500, "quotation"),
        ({"command": []}, 400, "command"),
        ({}, 400, "command"),
    ],
)
async def test_commands_that_cannot_be_run(client: Client, fields: object, status: int, message: str) -> None:
    refused = await client.post("/execute", fields)
    assert (refused.status, refused.json["status"]) == (status, "error")
    assert message in refused.json["message"]


async def test_execute_with_verification(client: Client) -> None:
    fields = {"command": "true", "verification": {"command_success": "test -d /tmp"}}
    passed = await client.post("/execute_with_verification", fields)
    assert (passed.status, passed.json["verification"]) == (200, "passed")
    assert passed.json["wait_time"] >= 0
    never = {"command": "true", "verification": {"window_exists": "no such window"}, "max_wait_time": 0.2}
    failed = await client.post("/setup/execute_with_verification", {**never, "check_interval": 0.05})
    assert (failed.status, failed.json["status"]) == (500, "verification_failed")


async def test_scripts(client: Client) -> None:
    python = await client.post("/run_python", {"code": "import sys\nprint(1)\nsys.exit('no')"})
    assert python.status == 200
    told = {name: python.json[name] for name in ("status", "output", "error", "return_code", "need_more")}
    assert told == {"status": "error", "output": "1\n", "error": "no\n", "return_code": 1, "need_more": False}
    bash = await client.post(
        "/run_bash_script", {"script": "cat; echo a; echo b >&2; pwd", "working_dir": "/tmp"}
    )
    assert bash.json == {"status": "success", "output": "a\nb\n/tmp\n", "error": "", "returncode": 0}
    late = await client.post("/run_bash_script", {"script": "sleep 60", "timeout": 0.3})
    assert (late.status, late.json["returncode"]) == (500, -1)
    assert (await client.shell("ls /tmp | grep osworld-"))["output"] == ""


async def test_files_go_in_and_out(client: Client) -> None:
    data = bytes(range(256)) * 2000
    form = aiohttp.FormData({"file_path": "~/new/$USER.bin"})
    form.add_field("file_data", data, filename="x")
    sent = await client.request("POST", "/setup/upload", data=form)
    assert (sent.status, sent.body) == (200, b"File Uploaded: 512000 bytes")
    got = await client.request("POST", "/file", data={"file_path": "$HOME/new/user.bin"})
    assert got.body == data
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert (await client.request("POST", "/file", data={"file_path": "~/nowhere"})).status == 404
    assert (await client.request("POST", "/file", data={})).status == 400


async def test_folders_are_listed_as_trees(client: Client) -> None:
    await client.shell("mkdir -p ~/t/a; touch ~/t/a/f; ln -s .. ~/t/a/up; mkdir ~/t2; touch ~/t2/g")
    assert (await client.post("/list_directory", {"path": "~/t2"})).json == {
        "directory_tree": {"type": "directory", "name": "t2", "children": [{"type": "file", "name": "g"}]}
    }
    looped = (await client.post("/list_directory", {"path": "~/t"})).json["directory_tree"]
    assert looped["children"][0]["name"] == "a"
    for path in ("~/nowhere", "~/t2/g"):
        refused = await client.post("/list_directory", {"path": path})
        assert refused.status == 400
        assert refused.json["error"]
    assert (await client.post("/desktop_path")).json == {"desktop_path": "/home/user/Desktop"}


async def test_the_wallpaper(client: Client) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 36), (10, 200, 30)).save(picture, "PNG")
    form = aiohttp.FormData({"file_path": "~/green one.png"})
    form.add_field("file_data", picture.getvalue(), filename="x")
    await client.request("POST", "/setup/upload", data=form)
    assert (await client.post("/setup/change_wallpaper", {"path": "~/nowhere.png"})).status == 404
    assert (await client.post("/setup/change_wallpaper", {"path": "~/green one.png"})).status == 200
    assert (await client.post("/wallpaper")).body == picture.getvalue()
    pace = Pace()
    with anyio.fail_after(PATIENCE_S):  # a window of before may still be there
        while await pixel(client) != (10, 200, 30):
            await pace.wait()


async def pixel(client: Client) -> object:
    shot = Image.open(io.BytesIO((await client.get("/screenshot")).body))
    return shot.getpixel((960, 200))


async def test_windows(client: Client) -> None:
    await client.shell("echo hello > ~/note.txt")
    opened = await client.post("/setup/open_file", {"path": "~/note.txt"})
    assert opened.status == 200, opened.body
    size = (await client.request("POST", "/window_size", data={"app_class_name": "mousepad"})).json
    assert size["width"] > 100
    assert (await client.request("POST", "/window_size", data={"app_class_name": "no"})).status == 400
    by_class = {"window_name": "mousepad", "by_class": True}
    assert (await client.post("/setup/activate_window", by_class)).status == 200
    assert (await client.post("/setup/close_window", {"window_name": "note.txt"})).status == 200
    await client.until("! wmctrl -l | grep note.txt")
    assert (await client.post("/setup/close_window", {"window_name": "note.txt"})).status == 200
    assert (await client.post("/setup/activate_window", {})).status == 400
    assert (await client.post("/setup/open_file", {"path": "~/nowhere"})).status == 404


async def test_the_terminal_in_use(client: Client) -> None:
    assert (await client.get("/terminal")).json == {"output": None, "status": "success"}
    launched = await client.post("/setup/launch", {"command": ["lxterminal", "-e", "sh -c 'echo here; cat'"]})
    assert (launched.status, launched.body[:10]) == (200, b"lxterminal")
    await client.until("wmctrl -l | grep -v tint2")
    await client.post("/setup/activate_window", {"window_name": "lxterminal", "by_class": True})
    pace = Pace()
    with anyio.fail_after(PATIENCE_S):
        while "here" not in ((await client.get("/terminal")).json["output"] or ""):
            await pace.wait()
    await client.shell("pkill lxterminal")


async def test_what_needs_a_network_or_another_image_says_so(client: Client) -> None:
    fields = {"url": "http://example.invalid/x", "path": "~/x"}
    assert (await client.post("/setup/download_file", fields)).status == 500
    assert (await client.post("/setup/download_file", {**fields, "url": "file:///etc/passwd"})).status == 400
    assert (await client.post("/start_recording")).status == 500
    assert (await client.post("/end_recording")).status == 400


async def test_a_film_of_the_screen(host: Host, bubblewrap: str, needs_image: Callable[[str], None]) -> None:
    needs_image("desktop")
    async with served(host, bubblewrap, "desktop") as client:
        assert (await client.post("/start_recording")).json["status"] == "success"
        assert (await client.post("/start_recording")).status == 400
        await client.until("ls -l /tmp/osworld-*.mp4")
        film = await client.post("/end_recording")
        assert film.headers["Content-Type"] == "video/mp4"
        assert film.body[4:8] == b"ftyp"
