"""Runs OSWorld's own client, unmodified, in a process of its own: `stock_client.py CASE [ARGUMENT…]`.

What it imports but does not need here (the evaluators of documents, films and pictures) is stood in for by
empty modules. A case prints what it saw as one JSON object.
"""

from __future__ import annotations

import importlib.abc
import json
import sys
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

ABSENT = frozenset(
    {"PyPDF2", "acoustid", "borb", "bs4", "cv2", "easyocr", "fastdtw", "fitz", "formulas", "imagehash"}
    | {"librosa", "mutagen", "odf", "pandas", "pdfplumber", "pptx", "pydrive", "scipy", "skimage"}
)
PAGE = "data:text/html,<title>{}</title>"


class _Absent(types.ModuleType):
    __path__: list[str] = []  # noqa: RUF012 (a package, as the import system sees it)

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        absent = fullname.partition(".")[0] in ABSENT
        return ModuleSpec(fullname, self, is_package=True) if absent else None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """There is nothing in it."""


def controller(vm_ip: str, server_port: str) -> dict[str, Any]:
    """Every method of `PythonController`."""
    from desktop_env.controllers.python import PythonController

    one = PythonController(vm_ip, int(server_port))
    seen: dict[str, Any] = {
        "platform": one.get_vm_platform(),
        "screen": one.get_vm_screen_size(),
        "terminal": one.get_terminal_output(),
        "desktop": one.get_vm_desktop_path(),
        "python": one.run_python_script("print(6 * 7)"),
        "bash": one.run_bash_script("echo $((6 * 7)); exit 3", timeout=20, working_dir="/tmp"),
        "tree": one.get_vm_directory_tree("/etc/xdg/openbox"),
        "file": (one.get_file("/etc/hostname") or b"").decode(),
    }
    seen["screenshot"] = (one.get_screenshot() or b"")[:8].hex()
    seen["accessibility"] = (one.get_accessibility_tree() or "")[:14]
    one.execute_python_command("import subprocess; subprocess.Popen(['mousepad'])")
    one.execute_python_command("import os; exec('while os.system(\"wmctrl -lx | grep -qi mousepad\"): pass')")
    seen["window"] = one.get_vm_window_size("mousepad")
    for action in ACTIONS:
        one.execute_action(action)
    seen["clicked"] = one.execute_python_command("print(tuple(pyautogui.position()))")
    one.execute_action({"action_type": "TYPING", "parameters": {"text": "it's typed"}})
    one.execute_action({"action_type": "HOTKEY", "parameters": {"keys": ["ctrl", "a"]}})
    one.execute_action({"action_type": "HOTKEY", "parameters": {"keys": ["ctrl", "c"]}})
    seen["typed"] = one.execute_python_command("import pyperclip; print(pyperclip.paste())")
    return seen


ACTIONS: list[dict[str, Any]] = [
    {"action_type": "MOVE_TO", "parameters": {"x": 300, "y": 300}},
    {"action_type": "CLICK", "parameters": {"button": "left", "x": 310, "y": 300, "num_clicks": 2}},
    {"action_type": "MOUSE_DOWN", "parameters": {"button": "left"}},
    {"action_type": "MOUSE_UP", "parameters": {"button": "left"}},
    {"action_type": "RIGHT_CLICK", "parameters": {"x": 320, "y": 310}},
    {"action_type": "PRESS", "parameters": {"key": "esc"}},
    {"action_type": "DOUBLE_CLICK", "parameters": {"x": 330, "y": 320}},
    {"action_type": "DRAG_TO", "parameters": {"x": 340, "y": 330}},
    {"action_type": "SCROLL", "parameters": {"dx": 0, "dy": -2}},
    {"action_type": "KEY_DOWN", "parameters": {"key": "shift"}},
    {"action_type": "KEY_UP", "parameters": {"key": "shift"}},
    {"action_type": "CLICK", "parameters": {"x": 345, "y": 335}},
]


def setup(vm_ip: str, server_port: str, chromium_port: str, folder: str) -> dict[str, Any]:
    """Every kind of set-up step that needs no network outside."""
    from desktop_env.controllers.setup import SetupController
    from PIL import Image

    Image.new("RGB", (64, 36), (10, 200, 30)).save(f"{folder}/green.png")
    Path(folder, "note.txt").write_text("a note")
    steps: list[dict[str, Any]] = [
        _step("upload_file", files=[_upload(folder, "green.png"), _upload(folder, "note.txt")]),
        _step("change_wallpaper", path="/home/user/in/green.png"),
        _step("open", path="~/in/note.txt"),
        _step("activate_window", window_name="note.txt"),
        _step("execute", command=["sh", "-c", "echo {SCREEN_WIDTH_HALF} > ~/half"], stdout="out.txt"),
        _step("command", command="echo again >> ~/n; wc -l < ~/n", shell=True, until={"stdout": "3"}),
        _step(
            "execute_with_verification",
            command=["true"],
            verification={"window_exists": "note.txt", "command_success": "test -s ~/half"},
        ),
        _step("sleep", seconds=0.01),
        _step("close_window", window_name="note.txt"),
    ]
    if chromium_port != "0":
        steps += [
            _step("launch", command=["google-chrome", "--remote-debugging-port=1337"]),
            _step("launch", command="socat tcp-listen:9222,fork tcp:localhost:1337"),
            _step("execute", command="until curl -s localhost:9222/json; do sleep 0.2; done", shell=True),
            _step("chrome_open_tabs", urls_to_open=[PAGE.format("one"), PAGE.format("two")]),
            _step("chrome_close_tabs", urls_to_close=[PAGE.format("one")]),
        ]
    one = SetupController(
        vm_ip,
        int(server_port),
        chromium_port=int(chromium_port),
        cache_dir=folder,
        client_password="password",
    )
    return {"success": one.setup(steps)}


def _step(kind: str, **parameters: Any) -> dict[str, Any]:
    return {"type": kind, "parameters": parameters}


def _upload(folder: str, name: str) -> dict[str, str]:
    return {"local_path": f"{folder}/{name}", "path": f"/home/user/in/{name}"}


def environment(provider: str, folder: str, *tasks: str) -> dict[str, Any]:
    """`DesktopEnv` with our provider: each task's score after each of its attempts, a list of actions."""
    from importlib.util import module_from_spec, spec_from_file_location

    import desktop_env.desktop_env as osworld

    spec = spec_from_file_location("deskswarm_osworld", provider)
    assert spec is not None
    assert spec.loader is not None
    ours = module_from_spec(spec)
    spec.loader.exec_module(ours)
    osworld.create_vm_manager_and_provider = ours.create_vm_manager_and_provider
    env = osworld.DesktopEnv(provider_name="docker", action_space="pyautogui", cache_dir=folder)
    try:
        return {"scores": [_attempt(env, *json.loads(task)) for task in tasks]}
    finally:
        env.close()


def _attempt(env: Any, task: dict[str, Any], actions: list[str]) -> float:
    seen = env.reset(task_config=task)
    for action in actions:
        assert seen["screenshot"]
        assert seen["accessibility_tree"]
        seen, *_ = env.step(action, pause=0)
    return float(env.evaluate())


if __name__ == "__main__":
    sys.meta_path.insert(0, _Finder())
    case, *arguments = sys.argv[1:]
    cases = {one.__name__: one for one in (controller, setup, environment)}
    result = cases[case](*arguments)
    print(json.dumps(result))
