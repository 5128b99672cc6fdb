"""The package as a whole: its names, docstrings and imports, and the instructions it is made of."""

import importlib
import inspect
import platform
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import boxel as bx
from boxel import _core
from subprocesses import run_script

PUBLIC_FUNCTIONS = (
    "block_reduce", "box_filter", "collect", "condense", "cophenetic_distances", "density_map",
    "expand", "flat_clusters", "get_kept_memory", "get_workers", "label_stats", "leaf_order",
    "linkage", "linkage_from_fingerprints", "masked_mean", "masked_stats", "mix", "pyramid",
    "set_kept_memory", "set_workers", "show_config", "tanimoto_distances", "uniform_filter",
    "unmix", "voxel_mean", "voxel_mean_var", "voxel_std", "voxel_var",
)  # fmt: skip
PUBLIC_TYPES = (
    "Collected", "CollectionError", "IllConditionedError", "IllConditionedWarning", "Progress",
    "RegionStats", "RunningStats", "StandardError", "UnmixResult", "Unmixer",
)  # fmt: skip
MODULES = (
    "_config", "_dendrogram", "_distances", "_extras", "_mixing_plots",
    "_registry", "_validate", "blocks", "clustering", "files", "filters", "fingerprints",
    "mixing.mixtures", "mixing.unmixer", "plot", "pyramids", "region_tiles", "regions",
    "running.collecting", "samples", "stacks",
)  # fmt: skip


# Names --------------------------------------------------------------------------------------------


def test_public_names():
    constants = ("LINKAGE_METHODS", "MODES", "STATISTICS", "__version__")
    assert sorted(bx.__all__) == sorted([*PUBLIC_FUNCTIONS, *PUBLIC_TYPES, *constants])
    assert len(set(bx.__all__)) == len(bx.__all__)
    for name in PUBLIC_FUNCTIONS:
        assert inspect.isfunction(getattr(bx, name))
    for name in PUBLIC_TYPES:
        assert inspect.isclass(getattr(bx, name))


def test_names_that_are_not_public_are_modules_or_hidden():
    others = {name for name in vars(bx) if not name.startswith("_")} - set(bx.__all__)
    assert all(inspect.ismodule(getattr(bx, name)) for name in others)


def test_essentials_come_first_and_options_are_keywords():
    expected = {
        "block_reduce": ["image", "block_size", "statistic"],
        "collect": ["source"],
        "condense": ["square"],
        "cophenetic_distances": ["Z"],
        "density_map": ["image", "block_size"],
        "mix": ["image", "mixing"],
        "pyramid": ["image", "factor", "statistic"],
        "unmix": ["mixed", "mixing"],
        "expand": ["condensed"],
        "flat_clusters": ["Z"],
        "leaf_order": ["Z"],
        "linkage": ["distances", "method"],
        "linkage_from_fingerprints": ["fingerprints", "method"],
        "tanimoto_distances": ["fingerprints", "other"],
    }
    for name, essentials in expected.items():
        parameters = inspect.signature(getattr(bx, name)).parameters.values()
        positional = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
        assert positional == essentials
        assert all(each.kind is each.KEYWORD_ONLY for each in list(parameters)[len(essentials) :])


# Docstrings ---------------------------------------------------------------------------------------


def sections_of(docstring):
    """Return the sections of a numpydoc docstring by title; the summary has the title ''."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", inspect.cleandoc(docstring), flags=re.M)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def documented(section):
    """Return the names that a section describes, with what it says of their types."""
    found = {}
    for line in re.findall(r"^\w.*$", section, re.M):
        names, _, kind = line.partition(" : ")
        found.update(dict.fromkeys(names.split(", "), kind))
    return found


def default_in(kind):
    """Return the default that a description of a type states, or None."""
    match = re.search(r"\bdefault:? (.+)$", kind)
    return match[1].strip("\"'") if match else None


def text_of_default(parameter):
    default = parameter.default
    return "NaN" if isinstance(default, float) and np.isnan(default) else str(default)


@pytest.mark.parametrize("name", PUBLIC_FUNCTIONS)
def test_public_functions_have_all_sections(name):
    function = getattr(bx, name)
    sections = sections_of(function.__doc__)
    signature = inspect.signature(function)
    assert re.match(r"[A-Z].+\.(\n|$)", sections[""])
    assert ("Parameters" in sections) == bool(signature.parameters)
    assert ("Returns" in sections) == (signature.return_annotation != "None")
    # A function without parameters may be shown in the examples of its sister.
    shown = function if signature.parameters else getattr(bx, name.replace("get", "set"))
    assert f"bx.{name}(" in sections_of(shown.__doc__)["Examples"]


@pytest.mark.parametrize(
    "name",
    [name for name in PUBLIC_FUNCTIONS if not name.startswith("get_") and name != "show_config"],
)
def test_public_functions_say_what_they_raise(name):
    assert "ValueError" in sections_of(getattr(bx, name).__doc__)["Raises"]


def documented_functions():
    for module_name in MODULES:
        module = importlib.import_module(f"boxel.{module_name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            sections = sections_of(function.__doc__ or "")
            if function.__module__ == module.__name__ and "Parameters" in sections:
                yield pytest.param(function, id=f"{module_name}.{name}")


DOCUMENTED_FUNCTIONS = tuple(documented_functions())


@pytest.mark.parametrize("function", DOCUMENTED_FUNCTIONS)
def test_docstring_has_the_parameters_of_the_signature(function):
    names = documented(sections_of(function.__doc__)["Parameters"])
    assert list(names) == list(inspect.signature(function).parameters)


@pytest.mark.parametrize("function", DOCUMENTED_FUNCTIONS)
def test_docstring_has_the_defaults_of_the_signature(function):
    parameters = inspect.signature(function).parameters
    for name, kind in documented(sections_of(function.__doc__)["Parameters"]).items():
        default = default_in(kind)
        assert default is None or default == text_of_default(parameters[name]), name


# The registry -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", bx.STATISTICS)
def test_every_statistic_is_accepted(name):
    image = np.ones((4, 6))
    assert bx.block_reduce(image, 2, name).shape == (2, 3)
    assert list(bx.block_reduce(image, 2, ("count", name)))[-1] == name
    assert bx.pyramid(image, 2, name, levels=1)[0].shape == (2, 3)


def test_docstring_names_every_statistic():
    assert f"``{' '.join(bx.STATISTICS)}``" in " ".join(bx.block_reduce.__doc__.split())


def test_statistics_come_from_the_compiled_registry():
    assert tuple(name for name, _, _, _ in _core.registry()) == bx.STATISTICS
    assert len(set(bx.STATISTICS)) == len(bx.STATISTICS)


# Imports ------------------------------------------------------------------------------------------


def test_import_brings_numpy_and_the_standard_library_alone():
    printed = run_script(
        """
        import sys
        import numpy
        before = set(sys.modules)
        import boxel
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(sorted(new - set(sys.stdlib_module_names) - {"numpy"}))
        """
    )
    assert printed == "['boxel']"


def test_import_does_not_load_the_optional_parts():
    printed = run_script(
        """
        import sys
        import boxel
        optional = ("cli", "files", "plot", "samples")
        print([name for name in optional if f"boxel.{name}" in sys.modules])
        """
    )
    assert printed == "[]"


# Instructions -------------------------------------------------------------------------------------

# The wheel must run on every processor of x86-64-v2. A template of the standard library that was
# compiled for a newer one could be picked by the linker for all, and old processors would die.
LEVEL = re.compile(r"_ZZ*N[KVrRO]*5boxel9x86_64_v([34])")
PREFIXES = {"bnd", "cs", "data16", "ds", "lock", "notrack", "rep", "repnz", "repz"}
# Names of instructions with a VEX or EVEX prefix begin with v; so do some that have neither.
VECTOR = re.compile(r"v(?!err$|erw$|m(call|clear|func|launch|ptr|read|resume|write|xoff|xon))\w+")
SCALAR_V3 = {
    "andn", "bextr", "blsi", "blsmsk", "blsr", "bzhi", "lzcnt", "movbe", "mulx", "pdep", "pext",
    "rorx", "sarx", "shlx", "shrx",
}  # fmt: skip
REGISTERS_V3 = re.compile(r"%ymm")
REGISTERS_V4 = re.compile(r"%(zmm|k[0-7]\b|[xy]mm(1[6-9]|2\d|3[01])\b)")


def needed_level(instruction):
    """Return the level of x86-64 that an instruction needs, as far as AVX and its kin go."""
    words = [word for word in instruction.split() if word not in PREFIXES]
    mnemonic = words[0] if words else ""
    if REGISTERS_V4.search(instruction):
        return 4
    if VECTOR.fullmatch(mnemonic) or mnemonic in SCALAR_V3 or REGISTERS_V3.search(instruction):
        return 3
    return 2


def disassembly():
    """Yield each function's symbol with its instructions."""
    symbol, instructions = None, []
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", _core.__file__],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    for line in listing.stdout.splitlines():
        if heading := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            yield symbol, instructions
            symbol, instructions = heading[1], []
        elif "\t" in line:
            instructions.append(line.split("\t", 1)[1].split("#")[0].strip())
    yield symbol, instructions


def levels_needed():
    """Return, for the functions of each level's namespace, the functions by the level they need.

    What belongs to no namespace of a newer level counts as 2.
    """
    found = {2: {}, 3: {}, 4: {}}
    for symbol, instructions in disassembly():
        if symbol is not None:
            match = LEVEL.match(symbol)
            needed = max(map(needed_level, instructions), default=2)
            found[int(match[1]) if match else 2].setdefault(needed, []).append(symbol)
    return found


# Part of the symbols of each kind of kernels, and the newest level that has such.
FAMILIES = {
    "statistics": ("SumI", 4),
    "regions": ("12take_regionsI", 3),
    "clustering": ("10merge_rowsI", 4),
    "fingerprints": ("8tanimotoI", 4),
}


@pytest.fixture(scope="module")
def needed():
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip(
            f"only modules for Linux on x86-64 are disassembled, this is {platform.platform()}"
        )
    if shutil.which("objdump") is None:
        pytest.skip("objdump is missing (Debian: binutils)")
    symbols = subprocess.run(
        ["objdump", "-t", _core.__file__], capture_output=True, text=True, check=True, timeout=300
    )
    if "no symbols" in symbols.stdout:
        pytest.skip("the module is stripped: without symbols no function has a namespace")
    return levels_needed()


def test_no_function_of_the_baseline_needs_a_newer_processor(needed):
    assert len(needed[2][2]) > 100
    newer = [name for level, names in needed[2].items() if level > 2 for name in names]
    assert newer == []


def test_no_function_of_v3_needs_avx512(needed):
    assert needed[3].get(4, []) == []


@pytest.mark.parametrize("level", [3, 4])
def test_functions_of_newer_levels_use_them(needed, level):
    assert len(needed[level].get(level, [])) > 100


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("level", [2, 3, 4])
def test_kernels_of_every_family_are_disassembled(needed, family, level):
    part, newest = FAMILIES[family]
    found = {
        at_least
        for at_least, names in needed[level].items()
        if any(f"boxel9x86_64_v{level}" in name and part in name for name in names)
    }
    assert (level in found) == (level <= newest)


@pytest.mark.parametrize(
    ("instruction", "level"),
    [
        ("addpd  %xmm1,%xmm0", 2),
        ("rep stos %al,%es:(%rdi)", 2),
        ("tzcnt  %rax,%rax", 2),  # an old processor reads it as bsf, which compilers rely on
        ("kernel_set", 2),
        ("verr   %ax", 2),
        ("vaddsd %xmm1,%xmm0,%xmm0", 3),
        ("vzeroupper", 3),
        ("shlx   %rcx,%rax,%rax", 3),
        ("vpaddd %ymm1,%ymm0,%ymm0", 3),
        ("vaddpd %zmm1,%zmm0,%zmm0", 4),
        ("vaddpd %ymm17,%ymm0,%ymm0", 4),
        ("vmovdqu8 %xmm0,(%rax){%k1}", 4),
        ("kmovd  %eax,%k1", 4),
    ],
)
def test_instructions_are_told_apart(instruction, level):
    assert needed_level(instruction) == level


@pytest.mark.parametrize(
    ("symbol", "level"),
    [
        ("_ZN5boxel9x86_64_v416make_accumulatorERKNS_12StateRequestE", "4"),
        ("_ZNK5boxel9x86_64_v33SumIhtE7naturalENS_9StatisticE", "3"),
        ("_ZZNK5boxel9x86_64_v33SumIhtE4takeEvENKUlvE_clEv", "3"),
        ("_ZN5boxel9x86_64_v49vpopcntdq8tanimotoIfEEvRKNS_15FingerprintRowsE", "4"),
        ("_ZN5boxel9x86_64_v312take_regionsIhEEvNS_5LanesERKNS_13RegionSamplesE.cold", "3"),
        ("_ZN5boxel9x86_64_v216make_accumulatorERKNS_12StateRequestE", None),
        ("_ZSt11make_uniqueIN5boxel9x86_64_v43SumIhtEEJEEvv", None),
        ("_ZN5boxel17kernels_x86_64_v4Ev", None),
        ("PyInit__core", None),
    ],
)
def test_symbols_are_told_apart(symbol, level):
    match = LEVEL.match(symbol)
    assert (match and match[1]) == level
