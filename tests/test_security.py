"""Nothing that is read is executed or unpickled, and small files do not unfold into large arrays.

That image files do not is tested beside their readers, in `test_files.py`.
"""

import ast
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

import boxel as bx

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "python" / "boxel").rglob("*.py"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))

FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "system", "popen"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy"}
READERS = {"load", "fromfile", "memmap"}


def last_name(function):
    return getattr(function, "attr", getattr(function, "id", ""))


def offences_in(source):
    """Yield the line and the words of what may execute or unpickle what it is given."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").partition(".")[0]]
        else:
            names = []
        for name in FORBIDDEN_MODULES.intersection(names):
            yield node.lineno, f"import of {name}"
        if isinstance(node, ast.Call):
            yield from offences_of_call(node)


def offences_of_call(node):
    name = last_name(node.func)
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    # `re.compile` and the like are methods; the builtins are names.
    builtin = isinstance(node.func, ast.Name) or name in ("system", "popen")
    if name in FORBIDDEN_CALLS and builtin:
        yield node.lineno, f"{name}()"
    if options.get("allow_pickle", "False") != "False":
        yield node.lineno, f"{name}(allow_pickle={options['allow_pickle']})"
    of_numpy = ast.unparse(node.func) in ("np.load", "numpy.load")
    if of_numpy and "allow_pickle" not in options:
        yield node.lineno, "np.load without allow_pickle=False"
    if options.get("shell", "False") != "False":
        yield node.lineno, f"{name}(shell={options['shell']})"


def test_nothing_is_executed_or_unpickled():
    assert len(SOURCES) > 30
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in SOURCES
        for line, what in offences_in(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import os, marshal",
        "eval(text)",
        "exec(text)",
        "x = compile(text, 'x', 'exec')",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "np.save(path, array, allow_pickle=True)",
        "os.system(command)",
        "subprocess.run(command, shell=True)",
    ],
)
def test_what_is_forbidden_is_found(source):
    assert list(offences_in(source))


def test_what_is_harmless_is_not():
    source = "np.load(path, allow_pickle=False); re.compile('x'); stats.load(path); plan.compile()"
    assert not list(offences_in(source))


# Files of RunningStats ----------------------------------------------------------------------------


def rewritten(path, compression, **replaced):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | replaced
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_files_that_unfold_are_refused(compression, tmp_path):
    path = tmp_path / "bomb.stats"
    bx.RunningStats().update(np.ones((3, 4))).save(path)
    rewritten(path, zipfile.ZIP_STORED)
    assert bx.RunningStats.load(path).count == 1
    rewritten(path, compression)
    with pytest.raises(ValueError, match=r"not a complete file of RunningStats.*compressed"):
        bx.RunningStats.load(path)


def test_headers_that_claim_more_than_there_is_are_refused(tmp_path):
    path = tmp_path / "claim.stats"
    bx.RunningStats().update(np.ones((3, 4))).save(path)
    row = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (2**50,)}
    np.lib.format.write_array_header_1_0(row, header)
    rewritten(path, zipfile.ZIP_STORED, **{"m2.npy": row.getvalue()})
    with pytest.raises(ValueError, match="not a complete file of RunningStats"):
        bx.RunningStats.load(path)


# Workflows ----------------------------------------------------------------------------------------


def loose_ends(text):
    """Return what a workflow takes from elsewhere without a commit's hash, and missing limits."""
    uses = re.findall(r"^\s*-?\s*uses:\s*([^\s#]+)", text, flags=re.M)
    loose = [each for each in uses if not re.search(r"@[0-9a-f]{40}$", each)]
    loose = [each for each in loose if not each.startswith("./")]
    return loose + ([] if re.search(r"^permissions:", text, flags=re.M) else ["permissions:"])


def test_workflows_are_pinned_and_may_do_little():
    found = {path.name: loose_ends(path.read_text(encoding="utf-8")) for path in WORKFLOWS}
    assert not {name: ends for name, ends in found.items() if ends}


def test_loose_ends_are_found():
    pinned = "permissions: {}\njobs:\n  - uses: a/b@" + "0" * 40 + " # v4\n"
    assert loose_ends(pinned) == []
    assert loose_ends(pinned.replace("0" * 40, "v4")) == ["a/b@v4"]
    assert loose_ends("jobs:\n") == ["permissions:"]
