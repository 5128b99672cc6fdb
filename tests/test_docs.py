"""The documentation is run: its examples, its commands, its links and its tables.

The fenced blocks of a page are run from top to bottom, in one namespace and one empty folder:

* ``python`` blocks with ``>>>`` are doctests (``...`` in an output stands for anything); others
  only have to run.
* ``console`` blocks hold commands after ``$ ``. Those of ``boxel`` are run and must succeed; if
  output is shown, it must be what is printed, apart from durations and what ``...`` stands for.
  Commands of the programs in NOT_RUN install, build or test something, and are not run.

Blocks of other languages are not run.
"""

import doctest
import importlib
import io
import itertools
import json
import re
import shlex
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import boxel as bx
from cases import DTYPES

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
NOT_RUN = {
    "cd", "clang-format", "cmake", "ctest", "git", "mypy", "pip", "pytest", "python", "python3",
    "ruff", "source",
}  # fmt: skip
MODULES = (
    "_config", "_dendrogram", "_mixing_plots", "_region_plots", "blocks", "clustering",
    "dask._blocks", "dask._boxes", "dask._regions", "dask._voxels", "files", "filters",
    "fingerprints", "mixing.mixtures", "mixing.unmixer", "plot", "pyramids", "region_tiles",
    "regions", "running.collecting", "running.conditions", "running.statistics", "samples",
    "stacks", "xarray", "xarray._accessor",
)  # fmt: skip
MODULES_WITH_EXAMPLES = tuple(name for name in MODULES if name not in ("files", "samples"))

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S
)
ASSIGNMENT = re.compile(r"[A-Z_0-9]+=")
DURATION = re.compile(r"\b[0-9][0-9.]* (s|ms)\b")
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block of a page and the number of lines before its text."""

    language: str
    text: str
    line: int


def blocks_of(text):
    return [
        Block(
            match["language"],
            re.sub(rf"^{match['indent']}", "", match["text"], flags=re.M),
            text.count("\n", 0, match.start("text")),
        )
        for match in FENCE.finditer(text)
    ]


def run_page(text, name, folder):
    namespace = {"__name__": "__main__"}
    for block in blocks_of(text):
        if block.language == "python":
            run_python(block, name, namespace)
        elif block.language == "console":
            run_console(block, name, folder)


def run_python(block, name, namespace):
    if ">>> " not in block.text:
        exec(compile("\n" * block.line + block.text, name, "exec"), namespace)
        return
    test = doctest.DocTestParser().get_doctest(block.text, namespace, name, name, block.line)
    assert run_doctest(test, clear_globs=False) > 0
    namespace.update(test.globs)


def run_doctest(test, **options):
    """Run the examples, which must all succeed, and return their number."""
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    found = runner.run(test, out=report.write, **options)
    assert found.failed == 0, report.getvalue()
    return found.attempted


def run_console(block, name, folder):
    before, *commands = re.split(r"^\$ ", block.text, flags=re.M)
    assert before.strip() == "", f"{name}, line {block.line + 1}: expected a command after '$ '"
    for command in commands:
        line, _, shown = command.partition("\n")
        words = shlex.split(line, comments=True)
        program, *words = itertools.dropwhile(ASSIGNMENT.match, words)
        if program != "boxel":
            known = program in NOT_RUN or program.startswith((".ci/", "build/"))
            assert known, f"{name}: {line!r} is of no known program"
            continue
        printed = run_boxel(words, f"{name}: {line!r}", folder)
        expected = DURATION.sub("...", shown).strip()
        same = doctest.OutputChecker().check_output(expected, printed.strip(), doctest.ELLIPSIS)
        assert same or not expected, f"{name}: {line!r} printed:\n{printed}"


def run_boxel(words, what, folder):
    finished = subprocess.run(
        [sys.executable, "-m", "boxel", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, f"{what} failed: {finished.stderr}"
    return finished.stdout


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to run in, with nothing set that an example might have left."""
    monkeypatch.chdir(tmp_path)
    workers = bx.get_workers()
    with np.printoptions(
        edgeitems=3, floatmode="maxprec", formatter=None, infstr="inf", legacy=False, linewidth=75,
        nanstr="nan", precision=8, sign="-", suppress=False, threshold=1000,
    ):  # fmt: skip
        yield tmp_path
    bx.set_workers(workers)


# Pages --------------------------------------------------------------------------------------------


def page_name(path):
    return path.relative_to(ROOT).as_posix()


def test_there_are_pages():
    names = {page_name(page) for page in PAGES}
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/index.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_examples_and_commands(page, folder):
    text = page.read_text(encoding="utf-8")
    if any(block.language == "console" for block in blocks_of(text)):
        for module in ("click", "PIL", "tifffile", "matplotlib"):
            pytest.importorskip(module)
    run_page(text, page_name(page), folder)


@pytest.mark.parametrize(
    "text",
    [
        "```python\n>>> 1 + 1\n3\n```",
        "```python\n>>> x = 1\n```\n```python\n>>> x\n2\n```",
        "```python\nassert False\n```",
        "```console\n$ boxel nonsense\n```",
        "```console\n$ boxel --version\nboxel 0.0.0\n```",
        "```console\n$ bxel info\n```",
        "```console\nboxel info\n```",
        "* in a list\n\n  ```python\n  >>> 1 + 1\n  3\n  ```",
    ],
)
def test_wrong_pages_fail(text, folder):
    pytest.importorskip("click")
    with pytest.raises(AssertionError):
        run_page(text, "page", folder)


def test_right_pages_succeed(folder):
    pytest.importorskip("click")
    run_page(
        "```python\nx = 1\n```\n* list\n\n  ```python\n  >>> x\n  1\n  ```\n"
        "```console\n$ pip install boxel\nSuccess, took 3 s\n$ boxel --version\nboxel ...\n```\n"
        "```text\n>>> x\n2\n```",
        "page",
        folder,
    )


# Docstrings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name, folder):
    if name in ("plot", "_dendrogram", "_mixing_plots", "_region_plots"):
        pytest.importorskip("matplotlib")
    if name.partition(".")[0] in ("dask", "xarray"):
        pytest.importorskip(name.partition(".")[0])
    module = importlib.import_module(f"boxel.{name}")
    tests = doctest.DocTestFinder(exclude_empty=True).find(module)
    attempted = sum([run_doctest(test) for test in tests])
    assert attempted > 0 or name not in MODULES_WITH_EXAMPLES


# Links --------------------------------------------------------------------------------------------


def without_code(text):
    return re.sub(r"`[^`\n]*`", lambda match: " " * len(match[0]), FENCE.sub("", text))


def anchors(page):
    """Return the anchors that readers of Markdown give to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links(page):
    # What looks like a link within code is none.
    for match in LINK.finditer(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", match["target"]):
            continue
        path, _, anchor = match["target"].partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page_name(page)} links to {match['target']}"
        if anchor:
            assert anchor in anchors(linked), f"{page_name(page)} links to {match['target']}"


def test_every_page_is_in_the_contents():
    index = ROOT / "docs" / "index.md"
    linked = {match["target"] for match in LINK.finditer(index.read_text(encoding="utf-8"))}
    assert {page.name for page in ROOT.glob("docs/*.md")} - {"index.md"} <= linked


# Tables -------------------------------------------------------------------------------------------


def table_under(heading, page="docs/block_statistics.md"):
    """Return the rows of the first table under a heading, each a list of cells."""
    text = (ROOT / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1]
    lines = re.search(r"(^\|.*\n)+", text, re.M)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    header, _rule, *body = rows
    return [header, *body]


def words_in_code(cell):
    return re.findall(r"`([\w.]+)`", cell)


def test_table_of_statistics():
    rows = table_under("Statistics")[1:]
    assert [words_in_code(name)[0] for name, _, _ in rows] == list(bx.STATISTICS)
    image = np.array([[3.0, 0.0, 3.0], [1.0, 7.0, 2.0]])
    for name, _, functions in rows:
        expected = bx.block_reduce(image, 2, words_in_code(name)[0])
        for function in words_in_code(functions):
            found = bx.block_reduce(image, 2, getattr(np, function.removeprefix("np.")))
            np.testing.assert_array_equal(found, expected)


def test_table_of_result_types():
    header, *rows = table_under("Result types")
    columns = [words_in_code(cell) for cell in header[1:]]
    assert sorted(chain.from_iterable(columns)) == sorted(bx.STATISTICS)
    assert sorted(", ".join(row[0] for row in rows).split(", ")) == sorted(DTYPES)
    for row in rows:
        for dtype in row[0].split(", "):
            image = np.ones((2, 2), dtype)
            for names, cell in zip(columns, row[1:], strict=True):
                expected = dtype if cell == "as the image" else cell
                for name in names:
                    assert bx.block_reduce(image, 2, name).dtype == expected, (dtype, name)


def test_table_of_modes():
    rows = table_under("Beyond the border", "docs/boxes.md")[1:]
    assert [words_in_code(name)[0] for name, *_ in rows] == list(bx.MODES)
    image = np.array([[3.0, 0.0, 7.0, 1.0], [1.0, 7.0, 2.0, 5.0], [6.0, 4.0, 2.0, 8.0]])
    for name, _, of_numpy, *_ in rows:
        for mode in words_in_code(of_numpy):
            padded = np.pad(image, 2, mode=mode)
            expected = bx.box_filter(padded, 5, "sum", mode="valid")
            found = bx.box_filter(image, 5, "sum", mode=words_in_code(name)[0])
            np.testing.assert_array_equal(found, expected)


def test_presets_that_contributors_are_told_of():
    presets = ROOT / "CMakePresets.json"
    if not presets.exists():
        pytest.skip("there is no CMakePresets.json here")
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = set(re.findall(r"--preset[ =](\w+)", text))
    known = {each["name"] for each in json.loads(presets.read_text())["configurePresets"]}
    assert told
    assert told <= known
