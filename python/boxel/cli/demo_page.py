"""The page of ``boxel demo``: one file that shows all pictures."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import boxel
from boxel.cli.demo_jobs import Step
from boxel.cli.report import describe_time
from boxel.files import replacing

__all__ = ["write_page"]

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fbfbf9; --line: #d9dce1;
  --soft: #5b6675; --code: #f0f1ee; --accent: #8a2a6a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ec; --paper: #15181d; --line: #333a44;
  --soft: #a2acb9; --code: #20252c; --accent: #e58ac4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.25rem 4rem; }
h1 { font-size: 2.6rem; line-height: 1.1; margin: 0; letter-spacing: -0.02em; }
.lead { font-size: 1.2rem; color: var(--soft); max-width: 44rem; margin: 0.6rem 0 1.5rem; }
nav { display: flex; flex-wrap: wrap; gap: 0.4rem 1.2rem; padding: 0.8rem 0;
  border-block: 1px solid var(--line); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
section { padding-top: 3rem; }
h2 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 0.4rem; }
h2 small { display: block; font-size: 0.8rem; font-weight: 600; letter-spacing: 0.08em;
  text-transform: uppercase; color: var(--accent); }
p { margin: 0.4rem 0 1rem; max-width: 46rem; }
figure { margin: 1rem 0; }
img { display: block; max-width: 100%; max-height: 46rem; height: auto; margin: 0 auto;
  background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: 0.6rem; }
figcaption { color: var(--soft); font-size: 0.92rem; padding-top: 0.5rem; text-align: center; }
pre { margin: 0; padding: 0.8rem 1rem; background: var(--code); border-radius: 6px;
  overflow-x: auto; font: 0.86rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.ways { display: grid; gap: 0.8rem; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); }
.ways h3 { margin: 0 0 0.25rem; font-size: 0.8rem; color: var(--soft); font-weight: 600; }
footer { margin-top: 3.5rem; border-top: 1px solid var(--line); padding-top: 1rem;
  color: var(--soft); font-size: 0.92rem; }
"""


def write_page(path: Path, steps: Sequence[Step], results: Sequence[dict[str, Any]]) -> None:
    """Write the page; the pictures lie beside it and go into it."""
    sections = [
        _section(step, result, path.parent) for step, result in zip(steps, results, strict=True)
    ]
    links = "".join(f'<a href="#{step.name}">{step.name}</a>' for step in steps)
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>boxel: six jobs</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>boxel</h1>
<p class="lead">Statistics over boxes of pixels and voxels. Six jobs on built-in samples, each with
the command that did it, and the same in Python.</p>
<nav>{links}</nav>
{"".join(sections)}
<footer>boxel {escape(boxel.__version__)}. All samples are synthetic and the same on every machine.
The commands run in the folder of this page; add <code>--force</code> to run them again. Times are
those of the job alone, without reading, writing and drawing.</footer>
</main>
</body>
</html>
"""
    with replacing(path) as stream:
        stream.write(page.encode())


def _section(step: Step, result: dict[str, Any], folder: Path) -> str:
    picture = base64.b64encode((folder / step.picture).read_bytes()).decode()
    caption = f"{step.describe(result)}; in {describe_time(result['seconds'])}"
    return f"""<section id="{step.name}">
<h2><small>{step.name}</small>{escape(step.title)}</h2>
<p>{escape(step.text)}</p>
<figure>
<img alt="{escape(step.title)}" src="data:image/png;base64,{picture}">
<figcaption>{escape(caption)}</figcaption>
</figure>
<div class="ways">
<div><h3>In a shell</h3><pre>{escape(_broken(result["command"]))}</pre></div>
<div><h3>In Python</h3><pre>{escape(step.code)}</pre></div>
</div>
</section>
"""


def _broken(command: str) -> str:
    """Break a command line before its options, so that it need not be scrolled."""
    lines = [""]
    for word in command.split():
        if word.startswith("-") and len(lines[-1]) > 34:
            lines[-1] += "\\"
            lines.append("    ")
        lines[-1] += f"{word} "
    return "\n".join(line.rstrip() for line in lines)
