"""What may import what, and what an import costs: rules that no single module can see."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import noclobber

CORE = Path(noclobber.__file__).parent
FRONTS = {"pygls", "lsprotocol", "mcp", "click", "rich", "cattrs", "watchdog", "noclobber_server"}
HEAVY = {
    "argparse", "asyncio", "attr", "attrs", "concurrent", "ctypes", "dataclasses", "difflib", "email", "http", "importlib.metadata",
    "inspect", "logging", "multiprocessing", "pathlib", "random", "shutil", "socket", "ssl", "subprocess", "tempfile", "tomllib",
    "typing_extensions", "unittest", "urllib", "uuid", "xml",
}  # fmt: skip


def _modules() -> list[str]:
    parts = [path.relative_to(CORE).with_suffix("").parts for path in sorted(CORE.rglob("*.py"))]
    return [".".join(("noclobber", *(part for part in names if part != "__init__"))) for names in parts]


def _source(module: str) -> Path:
    base = CORE.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("module", _modules())
def test_core_imports_no_front(module: str) -> None:
    imported = _imported(ast.parse(_source(module).read_bytes()))
    assert not {name for name in imported if name.split(".")[0] in FRONTS}


@pytest.mark.parametrize("module", _modules())
def test_a_module_of_core_names_what_it_offers(module: str) -> None:
    offered = import_module(module).__all__
    assert list(offered) == sorted(set(offered), key=lambda name: offered.index(name)), "a name stands twice"
    for name in offered:
        assert getattr(import_module(module), name) is not None or name == "None"
        assert not name.startswith("_")


@pytest.mark.parametrize("module", _modules())
def test_what_a_module_defines_in_public_is_what_it_offers(module: str) -> None:
    tree = ast.parse(_source(module).read_bytes())
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    assert defined <= set(import_module(module).__all__)


@pytest.mark.parametrize("module", _modules())
def test_a_module_of_core_says_why_it_exists(module: str) -> None:
    assert ast.get_docstring(ast.parse(_source(module).read_bytes()))


def _loaded_by(code: str) -> set[str]:
    """The modules that a fresh Python has after running the code, and has not without it."""
    shown = "import sys; print(' '.join(sys.modules))"
    run = [subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, check=True) for text in (f"{code}\n{shown}", shown)]
    whole, bare = (set(done.stdout.decode().split()) for done in run)
    return whole - bare


def test_importing_noclobber_loads_no_front_and_nothing_heavy() -> None:
    loaded = _loaded_by("import noclobber")
    assert not {name for name in loaded if name.split(".")[0] in FRONTS}
    assert not loaded & HEAVY


def test_a_plain_read_and_write_load_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\n")
    code = (
        "from noclobber import ConcurrencyGuard\n"
        f"with ConcurrencyGuard({str(tmp_path)!r}, 'alice') as guard:\n"
        "    guard.read('a.txt')\n"
        "    guard.write('a.txt', b'two\\n')\n"
    )
    loaded = _loaded_by(code)
    assert not {name for name in loaded if name.split(".")[0] in FRONTS}
    assert not loaded & (HEAVY - {"ctypes"})  # the exchange of two files is a system call that Python does not wrap


def test_a_hook_is_handed_on_before_anything_of_the_command_line_is_imported() -> None:
    main = Path(sys.modules["noclobber"].__file__ or "").parents[2] / "server" / "noclobber_server" / "main.py"
    top = [node for node in ast.parse(main.read_bytes()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in top] == ["from __future__ import annotations", "import sys"]
