"""Files as a real LibreOffice saves them: the one of the `desktop` image, run headless in a sandbox."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sandboxes.errors import ImageNotFound
from sandboxes.home import find_home, images_folder
from sandboxes.image import ImageStore
from tests.conftest import lacking
from tests.runner.checks.conftest import FolderEvidence
from tests.runner.checks.test_office_files import LETTER, book, letter
from tests.runner.checks.test_text import ruling

pytestmark = pytest.mark.anyio
_CONVERSIONS = {"a.xlsx": "xlsx", "b.docx": "docx", "c.docx": "odt", "d.docx": "pdf"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one spreadsheet and one letter, saved by LibreOffice in each format."""
    try:
        rootfs = ImageStore(images_folder(find_home())).find("desktop").rootfs
    except ImageNotFound as error:
        lacking(f"LibreOffice: {error}")
    if shutil.which("bwrap") is None:
        lacking("LibreOffice: bubblewrap is not installed")
    folder = tmp_path_factory.mktemp("office")
    (folder / "out").mkdir()
    for name in _CONVERSIONS:
        (folder / name).write_bytes(book() if name.endswith("xlsx") else letter())
    bwrap = ["bwrap", "--ro-bind", str(rootfs), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    bwrap += ["--bind", str(folder), "/mnt", "--unshare-all", "--setenv", "HOME", "/mnt", "--die-with-parent"]
    for name, kind in _CONVERSIONS.items():
        office = ["soffice", "--headless", "--convert-to", kind, "--outdir", "/mnt/out", f"/mnt/{name}"]
        subprocess.run([*bwrap, *office], check=True, timeout=120, capture_output=True)
    return folder / "out"


@pytest.fixture
def office(evidence: FolderEvidence, saved: Path) -> FolderEvidence:
    return FolderEvidence(saved)


@pytest.mark.parametrize(
    ("asked", "ok"),
    [
        ({"values": {"A1": "Total", "B2": 1234.5, "C1": True, "D1": "2026-01-31", "G1": "7"}}, True),
        ({"values": {"B2": 1234.5}, "formulas": {"B2": r"=SUM\(B1:B1\)"}}, True),
        ({"values": {"B2": 1234.6}}, False),
        ({"values": {"F1": "7"}}, False),
        ({"formulas": {"B2": r"=SUM\(B1:B2\)"}}, False),
    ],
)
async def test_a_spreadsheet(office: FolderEvidence, asked: dict[str, object], ok: bool) -> None:
    result = await ruling(office, check="cells", path="~/a.xlsx", **asked)
    assert result.ok is ok, result.detail


@pytest.mark.parametrize("name", ["b.docx", "c.odt"])
async def test_a_document(office: FolderEvidence, name: str) -> None:
    right = await ruling(office, check="document", path=f"~/{name}", equals=LETTER)
    assert right.ok, right.detail
    assert not (await ruling(office, check="document", path=f"~/{name}", equals=LETTER + "\nmore")).ok
    assert not (await ruling(office, check="document", path=f"~/{name}", contains=["The total was"])).ok


async def test_a_pdf(office: FolderEvidence) -> None:
    right = await ruling(office, check="pdf", path="~/d.pdf", contains=["Dear Ada", "exactly."])
    assert right.ok, right.detail
    assert not (await ruling(office, check="pdf", path="~/d.pdf", contains=["Dear Eva"])).ok
    assert not (await ruling(office, check="pdf", path="~/d.pdf", min_pages=2)).ok
