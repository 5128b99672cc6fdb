"""The public interface as text: names, signatures and defaults, one line each.

``python tests/interface.py`` compares it with the snapshot in ``tests/data/interface.txt``;
``--update`` writes that, if the changelog names all that has changed since the last release.
``--release`` makes the snapshot that of the last release.
"""

import difflib
import importlib
import inspect
import re
import sys
from pathlib import Path

import boxel

ROOT = Path(__file__).parent.parent
SNAPSHOT = ROOT / "tests" / "data" / "interface.txt"
RELEASED = ROOT / "tests" / "data" / "interface_released.txt"
CHANGELOG = ROOT / "CHANGELOG.md"
INDEX = ROOT / "docs" / "index.md"
# What is called by an operator or by making an object.
SPECIAL_METHODS = ("__add__", "__call__", "__iadd__", "__init__", "__len__")
UPDATE = "python tests/interface.py --update"


def public_names():
    """Return the public names with their modules: the package's, and others in the docs' index."""
    names = [("boxel", name) for name in boxel.__all__]
    table = re.findall(r"`([a-z]\w*)\.(\w+)\(", INDEX.read_text(encoding="utf-8"))
    return sorted({*names, *((f"boxel.{module}", name) for module, name in table)})


def parameters_of(function):
    """Return names, kinds and defaults; annotations may change without harm."""
    signature = inspect.signature(function)
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    text = str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def members_of(owner, name):
    """Yield a line for each public method and attribute of a class."""
    bases = ", ".join(base.__name__ for base in owner.__bases__)
    yield f"class {name}({bases})"
    for key in sorted(dir(owner)):
        defined = any(
            key in vars(base) for base in owner.__mro__ if base.__module__.startswith("boxel")
        )
        if not defined or (key.startswith("_") and key not in SPECIAL_METHODS):
            continue
        member = inspect.getattr_static(owner, key)
        if isinstance(member, (staticmethod, classmethod)) or callable(member):
            kind = f"{type(member).__name__} " if not inspect.isfunction(member) else ""
            yield f"{name}.{key}{parameters_of(getattr(owner, key))} {kind}".rstrip()
        else:
            yield f"{name}.{key}"
    for key in getattr(owner, "__dataclass_fields__", getattr(owner, "_fields", ())):
        if not key.startswith("_"):
            yield f"{name}.{key} field"


def lines_of(module_name, name):
    """Yield the lines of a public name."""
    value = getattr(importlib.import_module(module_name), name)
    full = f"{module_name}.{name}"
    if name == "__version__":
        yield full
    elif inspect.isclass(value):
        yield from dict.fromkeys(members_of(value, full))
    elif callable(value):
        yield f"{full}{parameters_of(value)}"
    else:
        yield f"{full} = {value!r}"


def current():
    """Return the interface, one line for each name."""
    return [line for module, name in public_names() for line in lines_of(module, name)]


def stored(path=SNAPSHOT):
    return path.read_text(encoding="utf-8").splitlines()


def changes(before, now):
    """Return the lines that are gone and those that are new."""
    moves = list(difflib.ndiff(before, now))
    return (
        [line[2:] for line in moves if line.startswith("- ")],
        [line[2:] for line in moves if line.startswith("+ ")],
    )


def name_of(line):
    """Return what a changelog would call the thing on a line: `block_reduce`, `plot.heatmap`."""
    path = re.match(r"(?:class )?([\w.]+)", line)[1].split(".")
    depth = 2 if path[1].islower() and len(path) > 2 else 1
    return path[depth]


def section_of(changelog, version):
    """Return what a changelog says of a version."""
    for section in re.split(r"^## ", changelog, flags=re.M)[1:]:
        if section.split()[0] == version:
            return section
    return ""


def unmentioned(before, now, changelog=None, version=boxel.__version__):
    """Return the names of what changed that the changelog does not have under the version."""
    text = CHANGELOG.read_text(encoding="utf-8") if changelog is None else changelog
    words = set(re.findall(r"\w+", section_of(text, version)))
    gone, new = changes(before, now)
    return sorted({name_of(line) for line in gone + new} - words - {"__version__"})


def report(before, now):
    """Return what changed, as lines to read."""
    gone, new = changes(before, now)
    return [*(f"- {line}" for line in gone), *(f"+ {line}" for line in new)]


def advice(names):
    return (
        f"CHANGELOG.md does not name, under {boxel.__version__}: {', '.join(names)}. Say there "
        "what users will notice."
    )


def write(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main():
    now = current()
    if "--release" in sys.argv:
        write(RELEASED, now)
    if "--update" in sys.argv:
        missing = unmentioned(stored(RELEASED), now)
        if missing:
            print(advice(missing))
            return 1
        write(SNAPSHOT, now)
        return 0
    found = report(stored(), now)
    print("\n".join(found) or "The interface is that of the snapshot.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
