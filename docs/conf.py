"""How Sphinx makes the site: ``sphinx-build -W docs build/site``."""

from __future__ import annotations

import importlib
import inspect
import re

import boxel

project = "boxel"
author = "The boxel developers"
copyright = author
version = release = boxel.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"boxel {release}"
html_show_copyright = False
html_copy_source = False

myst_heading_anchors = 3
default_role = "py:obj"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

MODULES = ("boxel.dask", "boxel.xarray", "boxel.plot", "boxel.files", "boxel.samples")
"""Modules with functions of their own, below the flat namespace."""


def families() -> dict[str, list[str]]:
    """Return the public names by the first line of the docstring of where they are defined."""
    found: dict[str, list[str]] = {}
    for name in boxel.__all__:
        value = getattr(boxel, name)
        if not (inspect.isfunction(value) or inspect.isclass(value)):
            continue
        package, *rest = value.__module__.split(".")
        module = importlib.import_module(".".join([package, rest[0]]))
        heading = (module.__doc__ or module.__name__).strip().splitlines()[0].split(":")[0]
        found.setdefault(heading.rstrip("."), []).append(name)
    return found


def section(title: str, *lines: str) -> str:
    """Return a section in reStructuredText."""
    return "\n".join([title, "-" * len(title), "", *lines, ""])


def reference() -> str:
    """Return the directives for all that is public."""
    parts = []
    for heading, names in families().items():
        directives = []
        for name in names:
            is_class = inspect.isclass(getattr(boxel, name))
            directives.append(f".. auto{'class' if is_class else 'function'}:: boxel.{name}")
            if is_class:
                directives.append("   :members:")
            directives.append("")
        parts.append(section(heading, *directives))
    for module in MODULES:
        text = [f".. automodule:: {module}", "   :members:", "   :imported-members:", ""]
        parts.append(section(module, *text))
    return "\n".join(parts)


def contents(text: str) -> str:
    """Return the pages that a text links to as a table of contents."""
    pages = dict.fromkeys(re.findall(r"\]\((\w+)\.md\)", text))
    return "\n".join(["", "```{toctree}", ":hidden:", "", *pages, "reference", "```", ""])


def rewrite(app: object, page: str, source: list[str]) -> None:
    """Make what readers of the repository see into what the site can show."""
    text = source[0]
    if page == "reference":
        source[0] = text + reference()
        return
    if page == "index":
        text += contents(text)
    # Files outside of this folder are not part of the site.
    text = re.sub(r"\[([^\]]+)\]\(\.\./([^)#]+)[^)]*\)", r"\1 (`\2`)", text)
    source[0] = text.replace("```python\n>>>", "```pycon\n>>>")


def setup(app: object) -> None:
    """Register the hook."""
    app.connect("source-read", rewrite)  # type: ignore[attr-defined]
