"""What a built image holds. `scripts/test` builds the images; these only look."""

from __future__ import annotations

import os
import stat
import subprocess
import tarfile
from pathlib import Path

import platformdirs
import pytest

from sandboxes.errors import ImageNotFound
from sandboxes.image import Image, ImageStore

HOME = Path(os.environ.get("DESKSWARM_HOME") or platformdirs.user_data_dir("deskswarm"))


@pytest.fixture(scope="module", params=["slim", "desktop"])
def image(request: pytest.FixtureRequest) -> Image:
    return find(request.param)


@pytest.fixture(scope="module")
def desktop() -> Image:
    return find("desktop")


def find(name: str) -> Image:
    try:
        return ImageStore(HOME / "images").find(name)
    except ImageNotFound as error:
        pytest.skip(str(error))


def run(image: Image, *command: str) -> str:
    """Run a command on the read-only image, without a network, as its user; return its output."""
    sandbox = ["bwrap", "--unshare-all", "--uid", "1000", "--gid", "1000", "--clearenv", "--die-with-parent"]
    sandbox += ["--ro-bind", str(image.rootfs), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    sandbox += ["--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--setenv", "HOME", "/tmp"]
    result = subprocess.run([*sandbox, *command], capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_the_user_is_there_with_an_empty_home(image: Image) -> None:
    entry = "user:x:1000:1000::/home/user:/bin/bash"
    assert entry in (image.rootfs / "etc/passwd").read_text().splitlines()
    assert not list((image.rootfs / "home/user").iterdir())
    assert "sudo" in {line.split(":")[0] for line in groups_of_user(image)}


def groups_of_user(image: Image) -> list[str]:
    lines = (image.rootfs / "etc/group").read_text().splitlines()
    return [line for line in lines if "user" in line.split(":")[3].split(",")]


@pytest.mark.parametrize("link", ["etc/machine-id", "var/lib/dbus/machine-id"])
def test_each_desktop_has_its_own_machine_id(image: Image, link: str) -> None:
    assert (image.rootfs / link).readlink() == Path("/run/machine-id")


@pytest.mark.parametrize(
    "folder", ["opt/deskswarm/guest/deskswarm_guest", "run", "tmp", "var/tmp", "dev", "proc", "home/user"]
)
def test_mount_points_are_there(image: Image, folder: str) -> None:
    assert (image.rootfs / folder).is_dir()


def test_names_resolve_without_a_network(image: Image) -> None:
    assert run(image, "getent", "hosts", "desktop").startswith("127.0.1.1")
    assert (image.rootfs / "etc/resolv.conf").read_bytes() == b""


def test_home_skeleton_is_small_and_whole(image: Image) -> None:
    skeleton = image.rootfs / "usr/share/deskswarm/home"
    assert {"Desktop", "Documents", "Downloads", ".Xauthority", ".bashrc"} <= {
        entry.name for entry in skeleton.iterdir()
    }
    assert sum(path.stat().st_size for path in skeleton.rglob("*") if path.is_file()) < 2_000_000


def test_the_folder_has_no_device_and_no_set_user_id_file(image: Image) -> None:
    modes = [path.lstat().st_mode for path in image.rootfs.rglob("*")]
    assert len(modes) > 10_000
    assert not any(
        stat.S_ISBLK(mode) or stat.S_ISCHR(mode) or mode & 0o6000 for mode in modes if not stat.S_ISLNK(mode)
    )


def test_the_tar_keeps_owners_and_sudo(image: Image) -> None:
    with tarfile.open(image.tar) as tar:
        members = {member.name: member for member in tar if member.name in {"./home/user", "./usr/bin/sudo"}}
    assert members["./home/user"].uid == 1000
    assert members["./usr/bin/sudo"].mode & stat.S_ISUID


def test_the_guest_finds_its_packages_compiled(image: Image) -> None:
    code = (
        "import sys; sys.path.insert(0, '/opt/deskswarm/lib')\n"
        "import anyio, pydantic, dbus_fast.message_bus as bus, Xlib.display, numpy, PIL.Image\n"
        "print(bus.__file__, Xlib.display.__cached__, anyio.__cached__)"
    )
    bus, *cached = run(image, "python3", "-c", code).split()
    assert bus.endswith(("x86_64-linux-gnu.so", "aarch64-linux-gnu.so"))
    assert all((image.rootfs / path.lstrip("/")).is_file() for path in cached)


@pytest.mark.parametrize(
    ("key", "value"),
    [("toolkit-accessibility", "true"), ("cursor-blink", "false"), ("enable-animations", "false")],
)
def test_settings_hold_without_a_session(image: Image, key: str, value: str) -> None:
    assert run(image, "dconf", "read", f"/org/gnome/desktop/interface/{key}") == value


def test_programs_are_on_the_path(image: Image) -> None:
    names = [
        "Xvfb",
        "openbox",
        "tint2",
        "mousepad",
        "lxterminal",
        "thunar",
        "xdotool",
        "wmctrl",
        "xclip",
        "python",
    ]
    if image.name == "desktop":
        names += [
            "google-chrome",
            "google-chrome-stable",
            "chromium",
            "chromium-browser",
            "libreoffice",
            "soffice",
        ]
        names += ["gimp", "vlc", "evince", "ffmpeg", "socat", "curl", "xdg-open", "pkill", "sudo", "scrot"]
    script = 'for name; do command -v "$name" >/dev/null || echo "$name"; done'
    assert run(image, "sh", "-c", script, "sh", *names) == ""


def test_every_launcher_of_the_panel_has_its_program(image: Image) -> None:
    launchers = sorted((image.rootfs / "usr/share/deskswarm/launchers").iterdir())
    targets = [image.rootfs / str(launcher.readlink()).lstrip("/") for launcher in launchers]
    assert len(targets) == {"slim": 3, "desktop": 10}[image.name]
    assert all("\nExec=" in target.read_text() for target in targets)


def test_pyautogui_is_installed_beside_debians_xlib(desktop: Image) -> None:
    code = "import importlib.util as u; print(u.find_spec('pyautogui').origin, u.find_spec('Xlib').origin)"
    pyautogui, xlib = run(desktop, "python", "-c", code).split()
    assert pyautogui.startswith("/usr/local/lib/python3.11/dist-packages/")
    assert xlib.startswith("/usr/lib/python3/dist-packages/")


def test_pkill_chrome_matches_the_browser(desktop: Image) -> None:
    assert (desktop.rootfs / "usr/lib/chromium/chrome").is_file()
    assert (desktop.rootfs / "usr/lib/chromium/chromium").readlink() == Path("chrome")


@pytest.mark.parametrize(("language", "family"), [("ja", "CJK"), ("zh-cn", "CJK"), ("und-zsye", "Emoji")])
def test_fonts_cover_cjk_and_emoji(desktop: Image, language: str, family: str) -> None:
    assert family in run(desktop, "fc-match", f":lang={language}", "family")
