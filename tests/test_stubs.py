"""The stub of the compiled module says what the module has, and no more."""

import ast
from pathlib import Path

import pytest

import boxel
from boxel import _core

STUB = Path(boxel.__file__).parent / "_core.pyi"


def functions_of(source):
    """Return the functions of a stub by name."""
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}


def signature_of(function):
    """Parse the signature that pybind11 puts on the first line of a docstring."""
    line = function.__doc__.splitlines()[0]
    return ast.parse(f"def {line}: ...").body[0]


def parameters_of(node):
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in every if argument.arg not in ("", "_")]


def type_of(annotation):
    """Return the outermost word of a type: ``tuple`` of ``tuple[int, ...]``."""
    return ast.unparse(annotation).partition("[")[0].rpartition(".")[2]


def public_names(module):
    return {name for name in vars(module) if not name.startswith("_")}


def assert_stub_fits(source, module):
    stubs = functions_of(source)
    assert set(stubs) == public_names(module)
    for name, stub in stubs.items():
        compiled = signature_of(getattr(module, name))
        assert compiled.name == name
        assert parameters_of(stub) == parameters_of(compiled), name
        assert len(stub.args.defaults) == len(compiled.args.defaults), name
        assert type_of(stub.returns) == type_of(compiled.returns), name


def test_stub_fits_the_compiled_module():
    assert_stub_fits(STUB.read_text(encoding="utf-8"), _core)


def test_compiled_functions_have_no_overloads():
    for name in public_names(_core):
        assert "Overloaded function" not in getattr(_core, name).__doc__, name


def test_compiled_parameters_have_names():
    # pybind11 calls a parameter arg0 that was given no name.
    for name in public_names(_core):
        parameters = parameters_of(signature_of(getattr(_core, name)))
        assert not [each for each in parameters if each.startswith("arg")], name


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("def compiler() -> str: ...", ""),
        ("def compiler()", "def a_function_that_is_not_there() -> int: ...\ndef compiler()"),
        ("def compiler()", "def compiler(verbose: bool)"),
        ("input: np.dtype", "image: np.dtype"),
        ("    skipna: bool,\n    min_count: int,", "    min_count: int,\n    skipna: bool,"),
        ("    whole_means: bool,", "    whole_means: bool = False,"),
        ("def instruction_set() -> str", "def instruction_set() -> tuple[str, ...]"),
    ],
)
def test_wrong_stubs_are_found(right, wrong):
    source = STUB.read_text(encoding="utf-8")
    assert right in source
    with pytest.raises(AssertionError):
        assert_stub_fits(source.replace(right, wrong), _core)


def test_stub_of_the_region_table_fits():
    source = ast.parse(STUB.read_text(encoding="utf-8"))
    (stub,) = (each for each in source.body if isinstance(each, ast.ClassDef))
    methods = {each.name: each for each in stub.body if isinstance(each, ast.FunctionDef)}
    compiled = getattr(_core, stub.name)
    assert set(methods) == {*public_names(compiled), "__init__"}
    for name, method in methods.items():
        found = parameters_of(signature_of(getattr(compiled, name)))
        assert parameters_of(method) == found, name
