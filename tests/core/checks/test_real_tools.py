"""Each tool for real: a small project fails, is mended under the guard, passes; the draft holds file, line, message and resolution."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from noclobber import ConcurrencyGuard
from noclobber.lessons.verifying import Verified


class Case(NamedTuple):
    """A project that fails in one place, and the exact replacement that mends it."""

    argv: tuple[str, ...]
    files: dict[str, str]
    mend: tuple[str, str, str]
    failure: tuple[str, str | None, int | None, str | None]  # tool, file, line, code
    message: str
    test: str | None = None


PYTHON = sys.executable
BIN = str(Path(sys.executable).parent)
TEST_CALC = "import sys\nsys.path.insert(0, 'src')\nfrom calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
UNITTEST_CALC = (
    "import sys\nimport unittest\n\nsys.path.insert(0, 'src')\nfrom calc import add\n\n\nclass CalcTest(unittest.TestCase):\n"
    "    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n"
)
TEST_HALF = "from calc import half\n\n\ndef test_half():\n    assert half(2) == 1\n"
TEST_JS = (
    "import { expect, test } from 'vitest';\nimport { add } from './calc.js';\n\ntest('adds', () => {\n  expect(add(1, 2)).toBe(3);\n});\n"
)
CALC = "def add(a: int, b: int) -> int:\n    return a - b\n"
CASES = {
    "pytest": Case(
        (f"{BIN}/pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"),
        {"src/calc.py": CALC, "tests/test_calc.py": TEST_CALC},
        ("src/calc.py", "a - b", "a + b"),
        ("pytest", "tests/test_calc.py", 7, None),
        "assert -1 == 3",
        "tests.test_calc::test_add",
    ),
    "pytest error in a source": Case(
        (PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"),
        {"calc.py": "def half(a):\n    return a / 0\n", "test_calc.py": TEST_HALF},
        ("calc.py", "a / 0", "a / 2"),
        ("pytest", "calc.py", 2, None),
        "ZeroDivisionError: division by zero",
    ),
    "unittest": Case(
        (PYTHON, "-m", "unittest", "discover", "-s", "tests"),
        {"src/calc.py": CALC.replace("a - b", "a - str(b)"), "tests/test_calc.py": UNITTEST_CALC},
        ("src/calc.py", "a - str(b)", "a + b"),
        ("unittest", "src/calc.py", 2, None),
        "TypeError: unsupported operand type(s) for -: 'int' and 'str'",
        "test_calc.CalcTest.test_add",
    ),
    "pytest that cannot import": Case(
        (f"{BIN}/pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"),
        {"test_calc.py": "from calc import half\n\n\ndef test_half():\n    assert half\n", "calc.py": ""},
        ("calc.py", "", "half = 1\n"),
        ("pytest", "test_calc.py", 1, None),
        "cannot import name 'half' from 'calc'",
    ),
    "ruff": Case(
        (f"{BIN}/ruff", "check", "--no-cache", "--isolated", "."),
        {"a.py": "x = 1\nimport os\n"},
        ("a.py", "import os\n", ""),
        ("ruff", "a.py", 2, "F401"),
        "`os` imported but unused",
    ),
    "mypy": Case(
        (f"{BIN}/mypy", "--config-file=", "--cache-dir=/dev/null", "a.py"),
        {"a.py": "def f(x: int) -> str:\n    return x\n"},
        ("a.py", "return x", "return str(x)"),
        ("mypy", "a.py", 2, "return-value"),
        "Incompatible return value type",
    ),
    "pyright": Case(
        ("{node}/.bin/pyright", "a.py"),
        {"a.py": "def f(x: int) -> str:\n    return x\n", "pyrightconfig.json": "{}"},
        ("a.py", "return x", "return str(x)"),
        ("pyright", "a.py", 2, "reportReturnType"),
        'Type "int" is not assignable to return type "str"',
    ),
    "eslint": Case(
        ("{node}/.bin/eslint", "src"),
        {
            "eslint.config.mjs": "export default [{rules: {'no-unused-vars': 'error', 'no-undef': 'warn'}}];\n",
            "src/a.js": "export const a = 1;\nconst unused = 2;\n",
        },
        ("src/a.js", "const unused = 2;\n", ""),
        ("eslint", "src/a.js", 2, "no-unused-vars"),
        "'unused' is assigned a value but never used.",
    ),
    "tsc": Case(
        ("{node}/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "a.ts"),
        {"a.ts": "export function f(x: number): string {\n  return x;\n}\n"},
        ("a.ts", "return x;", "return String(x);"),
        ("tsc", "a.ts", 2, "TS2322"),
        "Type 'number' is not assignable to type 'string'.",
    ),
    "vitest": Case(
        ("{node}/.bin/vitest", "run", "--no-cache"),
        {
            "package.json": '{"type": "module"}',
            "calc.js": "export const add = (a, b) => a - b;\n",
            "calc.test.js": TEST_JS,
        },
        ("calc.js", "a - b", "a + b"),
        ("vitest", "calc.test.js", 5, "AssertionError"),
        "expected -1 to be 3",
        "calc.test.js::adds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_failing_check_is_drafted_and_its_pass_resolves_the_draft(
    name: str, project: Path, node_tools: Path, run_check: Callable[..., Verified]
) -> None:
    case = CASES[name]
    argv = [word.replace("{node}", str(node_tools)) for word in case.argv]
    for file, text in case.files.items():
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        (project / file).write_text(text, "utf-8")
    if "{node}" in str(case.argv):
        (project / "node_modules").symlink_to(node_tools)

    failed = run_check(*argv)
    assert failed.checked.status not in (0, 126, 127)
    (failure,) = failed.checked.failures
    assert (failure.tool, failure.file, failure.line, failure.code) == case.failure
    assert case.message in failure.message
    if case.test:
        assert failure.test == case.test
    (outcome,) = failed.outcomes
    assert outcome.action == "drafted"

    file, old, new = case.mend
    with ConcurrencyGuard(project, "alice", turn_id="t1") as guard:
        if old:
            guard.edit(file, [(old, new)])
        else:
            guard.read(file)
            guard.write(file, new.encode())

    passed = run_check(*argv)
    assert passed.checked.status == 0
    (outcome,) = passed.outcomes
    assert outcome.action == "resolved"
    lesson = outcome.lesson
    assert lesson.context.startswith("`")
    assert str(case.failure[1]) in lesson.failure
    assert f":{case.failure[2]}" in lesson.failure
    assert f"{file}:" in lesson.resolution
    assert (old or new).strip().split("\n")[0].split("(")[0] in lesson.resolution
    assert not (project / "CLAUDE.md").exists()


def test_a_report_that_the_command_line_names_is_read_whatever_the_tool(project: Path, run_check: Callable[..., Verified]) -> None:
    (project / "a.py").write_text("x = 1\n", "utf-8")
    case = '<testcase classname="s" name="t"><failure message="no">a.py:1: no</failure></testcase>'
    junit = f"<testsuites><testsuite>{case}</testsuite></testsuites>"
    script = f"open('out.xml', 'w').write({junit!r}); raise SystemExit(3)"
    verified = run_check(PYTHON, "-c", script, "--report=out.xml")
    (failure,) = verified.checked.failures
    assert (verified.checked.status, failure.file, failure.line, failure.message) == (3, "a.py", 1, "no")


def test_of_a_tool_nobody_knows_the_last_lines_are_taken(project: Path, run_check: Callable[..., Verified]) -> None:
    verified = run_check("sh", "-c", "seq 100; echo; printf '\\033[31mIt is broken\\033[0m\\n' >&2; exit 9")
    (failure,) = verified.checked.failures
    assert failure.message.endswith("\nIt is broken")
    assert failure.message.count("\n") == 9
    assert failure.code == "exit status 9"


def test_what_the_tool_prints_and_says_is_what_it_would_without_us(
    project: Path, run_check: Callable[..., Verified], capfd: pytest.CaptureFixture[str]
) -> None:
    verified = run_check("sh", "-c", "echo out; echo err >&2; exit 5")
    assert verified.checked.status == 5
    assert capfd.readouterr() == ("out\n", "err\n")


def test_a_failed_ruff_is_never_repeated_with_what_changes_files(project: Path, run_check: Callable[..., Verified]) -> None:
    (project / "a.py").write_text("import os\nx = 1\nif x == None:\n    pass\n", "utf-8")
    verified = run_check(f"{BIN}/ruff", "check", "--no-cache", "--isolated", "--select", "E711,F401", "a.py", "--output-format=concise")
    before = (project / "a.py").read_text("utf-8")
    assert {failure.code for failure in verified.checked.failures} == {"E711", "F401"}
    assert (project / "a.py").read_text("utf-8") == before
