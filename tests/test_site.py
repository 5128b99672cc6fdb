"""The site is built from docs/ without a warning, and its reference has all that is public."""

import subprocess
import sys
from pathlib import Path

import pytest

import boxel as bx

for needed in ("sphinx", "myst_parser", "furo", "dask", "xarray", "matplotlib"):
    pytest.importorskip(needed)

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", tmp_path / "trees", DOCS,
         tmp_path / "site"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    pages = {page.stem for page in (tmp_path / "site").glob("*.html")}
    assert {page.stem for page in DOCS.glob("*.md")} <= pages
    reference = (tmp_path / "site" / "reference.html").read_text(encoding="utf-8")
    functions = [name for name in bx.__all__ if callable(getattr(bx, name))]
    missing = [name for name in functions if f'id="boxel.{name}"' not in reference]
    assert missing == []
    for name in ("boxel.dask.box_filter", "boxel.plot.regions", "boxel.xarray.BoxelAccessor"):
        assert f'id="{name}"' in reference
    assert "http://" not in reference.partition("<body>")[0].replace("http://www.w3.org", "")
