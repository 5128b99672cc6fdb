"""What is installed: version, requirements, build flags, and the files of sdist and wheel."""

import ast
import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import boxel as bx
from subprocesses import run_script

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "python" / "boxel").rglob("*.py"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
EXTRAS_OF_DEVELOPERS = {"test", "lint", "bench", "docs"}
# Modules that are named otherwise than the package that brings them.
PACKAGES = {"PIL": "pillow"}


def packages_in(requirements):
    return {re.match(r"[\w.-]+", each)[0].lower() for each in requirements}


# Version ------------------------------------------------------------------------------------------


def test_version_is_written_once():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|(a|b|rc)\d+)?", bx.__version__)
    assert PROJECT["dynamic"] == ["version"]
    provider = PYPROJECT["tool"]["scikit-build"]["metadata"]["version"]
    places = [
        path.relative_to(ROOT).as_posix()
        for folder in ("python", "cpp")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".pyi", ".cpp", ".hpp", ".txt"}
        and bx.__version__ in path.read_text(encoding="utf-8")
    ]
    assert places == [provider["input"]]
    for name in ("CMakeLists.txt", "pyproject.toml"):
        assert bx.__version__ not in (ROOT / name).read_text(encoding="utf-8")


def test_installed_version():
    try:
        installed = metadata.version("boxel")
    except metadata.PackageNotFoundError:
        pytest.skip("boxel is run from its sources, not installed")
    assert installed == bx.__version__


def test_changelog_tells_of_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[?(\d[\w.]*)\]? - (Unreleased|\d{4}-\d{2}-\d{2})$", text, re.M)
    assert newest[1] == bx.__version__


# Requirements -------------------------------------------------------------------------------------


def test_numpy_is_the_only_requirement():
    assert packages_in(PROJECT["dependencies"]) == {"numpy"}


def test_extra_all_is_every_extra_for_users():
    (requirement,) = EXTRAS["all"]
    named = re.fullmatch(r"boxel\[(.*)\]", requirement)[1].split(",")
    assert set(named) == set(EXTRAS) - EXTRAS_OF_DEVELOPERS - {"all"}


def calls_of_require():
    """Yield the module and the extra of each call of `require`, with the file it is in."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require":
                (extra,) = [keyword.value.value for keyword in node.keywords]
                yield node.args[0].value.partition(".")[0], extra, path.name


def test_missing_modules_name_an_extra_that_brings_them():
    calls = list(calls_of_require())
    assert {extra for _, extra, _ in calls} == set(EXTRAS) - EXTRAS_OF_DEVELOPERS - {"all"}
    for module, extra, file in calls:
        assert PACKAGES.get(module, module) in packages_in(EXTRAS[extra]), (file, module)


def test_imports_are_of_numpy_or_of_what_an_extra_brings():
    optional = {package for extra in EXTRAS.values() for package in packages_in(extra)}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for module in {name.partition(".")[0] for name in names}:
                known = module in sys.stdlib_module_names or module in {"boxel", "numpy"}
                assert known or PACKAGES.get(module, module) in optional, (path.name, module)


def test_python_versions_agree():
    least = PROJECT["requires-python"].removeprefix(">=")
    named = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if ":: 3." in each]
    assert named[0] == least
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{least.replace('.', '')}"


def test_command_is_a_function():
    module, _, function = PROJECT["scripts"]["boxel"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


# Build --------------------------------------------------------------------------------------------


def build_files():
    return [
        ROOT / "pyproject.toml",
        ROOT / "CMakeLists.txt",
        *ROOT.glob("CMakePresets.json"),
        *ROOT.glob("cpp/**/CMakeLists.txt"),
    ]


def test_no_flag_trades_bits_for_speed():
    unsafe = re.compile(r"-Ofast|fast-math|unsafe-math|associative-math|reciprocal-math|=native")
    for path in build_files():
        assert not unsafe.search(path.read_text(encoding="utf-8")), path.name
    assert "-ffp-contract=off" in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")


BUILD = """
import sys
from scikit_build_core import build
build.build_sdist(sys.argv[1])
build.build_wheel(sys.argv[1], {"wheel.cmake": "false"})
"""


LEFT_OVER = ("_core.cpython-39-x86_64-linux-gnu.so", "__pycache__/blocks.cpython-39.pyc")


def copy_with_left_overs(folder):
    """Copy the sources as they look where somebody has worked in them."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".git", ".venv", "build", "dist"))
    for name in LEFT_OVER:
        path = folder / "python" / "boxel" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"left over")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build an sdist, and a wheel without the compiled module, which would take minutes."""
    if importlib.util.find_spec("scikit_build_core") is None:
        pytest.skip("scikit-build-core is not installed here")
    folder = tmp_path_factory.mktemp("built")
    finished = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)],
        cwd=copy_with_left_overs(folder / "sources"),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder


@pytest.fixture(scope="module")
def sdist(built):
    """Return the names of the files in the sdist, below its one folder."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = archive.getnames()
    assert {name.partition("/")[0] for name in names} == {f"boxel-{bx.__version__}"}
    return {name.partition("/")[2] for name in names}


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def left_over(names):
    return {name for name in names if re.search(r"\.(so|pyd|dylib|o|a|pyc)$", name)}


def test_sdist_is_complete(sdist):
    folders = ("bench", "cpp", "docs", "python", "tests")
    expected = {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".pyi", ".typed", ".cpp", ".hpp", ".txt", ".md", ".png"}
    }
    alone = {"CHANGELOG.md", "CMakeLists.txt", "CONTRIBUTING.md", "LICENSE", "README.md"}
    assert expected | alone | {"pyproject.toml", "PKG-INFO"} <= sdist


def test_wheel_is_the_package(wheel):
    expected = {path.relative_to(ROOT / "python").as_posix() for path in SOURCES}
    info = f"boxel-{bx.__version__}.dist-info"
    assert expected | {"boxel/py.typed", "boxel/_core.pyi", f"{info}/licenses/LICENSE"} <= wheel
    assert {name.partition("/")[0] for name in wheel} == {"boxel", info}


def test_sdist_has_no_left_overs_of_a_build(sdist):
    assert left_over(sdist) == set()


def test_wheel_has_no_left_overs_of_another_build(wheel):
    assert left_over(wheel) == set()


@pytest.mark.parametrize("extra", ["dask", "xarray"])
def test_a_missing_extra_is_named(extra):
    script = f"""
    import sys
    sys.modules["{extra}"] = None
    try:
        import boxel.{extra}
    except ImportError as error:
        print(error)
    """
    assert f"pip install 'boxel[{extra}]'" in run_script(script)
