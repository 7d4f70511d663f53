"""Reports of many tools become the same failures; what is no report is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from noclobber.checks.failure import Failure, distinct
from noclobber.checks.junit import read_junit
from noclobber.checks.paths import Places
from noclobber.checks.sarif import read_sarif
from noclobber.checks.tools.lines import GoTest, Tsc, last_lines, plain
from noclobber.checks.tools.linters import Mypy
from noclobber.checks.tools.protocol import Output
from noclobber.checks.tools.python_unittest import Unittest


@pytest.fixture
def places(tmp_path: Path) -> Places:
    for name in ("src/a.py", "src/a.ts", "pkg/calc_test.go", "test_a.py", "node_modules/x/y.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return Places(str(tmp_path), str(tmp_path / "src"))


def test_names_are_relative_to_the_root_wherever_the_tool_ran(places: Places, tmp_path: Path) -> None:
    assert places.name("a.py") == places.name("src/a.py") == places.name(str(tmp_path / "src" / "a.py")) == "src/a.py"
    assert places.name((tmp_path / "src" / "a.py").as_uri()) == "src/a.py"
    assert places.name("/usr/lib/x.py") == "/usr/lib/x.py"
    assert places.name(None) is None
    assert places.inside("../node_modules/x/y.js") is None


def test_a_junit_report_gives_the_place_of_the_failure_not_of_the_test(places: Places) -> None:
    text = "def f():\n\n../test_a.py:9: \n_ _ _\n\n    raise E\nE   ValueError: bad\n\na.py:3: ValueError"
    problem = f'<failure message="ValueError: bad">{text}</failure>'
    case = f'<testcase classname="test_a" name="test_x" file="test_a.py" line="7">{problem}</testcase>'
    (failure,) = read_junit(f"<testsuites><testsuite>{case}</testsuite></testsuites>".encode(), "pytest", places)
    assert failure == Failure("pytest", "ValueError: bad", "src/a.py", 3, None, "test_a::test_x", ("test_a.py", "src/a.py"))


def test_a_test_that_fails_and_then_fails_to_clean_up_is_one_failure(places: Places) -> None:
    case = '<testcase classname="c" name="n"><failure message="one"/><error message="two"/></testcase>'
    assert [failure.message for failure in read_junit(f"<testsuite>{case}</testsuite>".encode(), "x", places)] == ["one"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xml",
        b"<html/>",
        b"<testsuite>",
        b'<!DOCTYPE t [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><testsuite><testcase><failure message="&b;"/></testcase></testsuite>',
        b"<testsuite><testcase/></testsuite>",
    ],
)
def test_what_is_no_junit_report_has_no_failures(content: bytes, places: Places) -> None:
    assert read_junit(content, "x", places) == []


def test_a_sarif_log_gives_its_errors_else_its_warnings(places: Places) -> None:
    def result(level: str | None, rule: str, **more: object) -> dict[str, object]:
        where = {"physicalLocation": {"artifactLocation": {"uri": "src/a.py"}, "region": {"startLine": 4}}}
        return {"ruleId": rule, "message": {"text": f"about {rule}"}, "locations": [where], **({"level": level} if level else {}), **more}

    def log(*results: object) -> bytes:
        return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Lint"}}, "results": results}]}).encode()

    found = read_sarif(
        log(result("error", "E1"), result("warning", "W1"), result("error", "E2", suppressions=[{"kind": "inSource"}])), places
    )
    assert found == [Failure("lint", "about E1", "src/a.py", 4, "E1")]
    assert [failure.code for failure in read_sarif(log(result(None, "W1"), result("note", "N1")), places)] == ["W1"]
    for broken in (b"", b"[]", b"{}", b'{"runs": [1, {"results": [{}, 3]}]}', b'{"runs": {"a": 1}}', b'{"runs"'):
        assert all(isinstance(failure, Failure) for failure in read_sarif(broken, places))


@pytest.mark.parametrize(
    "printed",
    [
        "a.ts(3,5): error TS2345: Argument of type 'x'.\n  Type 'y' is missing.\nFound 1 error.\n",
        "\x1b[96ma.ts\x1b[0m:\x1b[93m3\x1b[0m:\x1b[93m5\x1b[0m - \x1b[91merror\x1b[0m\x1b[90m TS2345: \x1b[0m"
        "Argument of type 'x'.\r\n  Type 'y' is missing.\r\n\r\n3   f(x)\r\n",
    ],
)  # fmt: skip
def test_both_forms_of_a_tsc_error_are_read(printed: str, places: Places) -> None:
    (failure,) = Tsc().read(Output(None, printed, None, places))
    assert failure == Failure("tsc", "Argument of type 'x'.\n  Type 'y' is missing.", "src/a.ts", 3, "TS2345")


def test_a_tsc_error_of_the_project_itself_has_no_file(places: Places) -> None:
    (failure,) = Tsc().read(Output(None, "error TS5058: The specified path does not exist: 'x'.\n", None, places))
    assert (failure.file, failure.code) == (None, "TS5058")


def test_an_old_mypy_is_read_from_its_lines(places: Places) -> None:
    printed = "src/a.py:3: error: Missing return  [return]\nsrc/a.py:4:1: note: see\nFound 1 error\n"
    assert Mypy().read(Output(None, printed, b"usage: mypy", places)) == [Failure("mypy", "Missing return", "src/a.py", 3, "return")]


def test_a_go_test_names_its_package_file_and_the_innermost_subtest(places: Places) -> None:
    def event(action: str, test: str = "", output: str = "", package: str = "example.com/m/pkg") -> str:
        return json.dumps(
            {"Action": action, "Package": package, **({"Test": test} if test else {}), **({"Output": output} if output else {})}
        )

    lines = [
        event("run", "TestAdd"), event("output", "TestAdd/one", "    calc_test.go:9: got 1, want 3\n"), event("fail", "TestAdd/one"),
        event("output", "TestAdd", "--- FAIL: TestAdd (0.00s)\n"), event("fail", "TestAdd"), event("pass", "TestOther"),
        event("output", "", "FAIL\n"), event("fail"), "not json",
    ]  # fmt: skip
    (failure,) = GoTest().read(Output(None, "", "\n".join(lines).encode(), places))
    assert failure == Failure("go test", "got 1, want 3", "pkg/calc_test.go", 9, None, "example.com/m/pkg.TestAdd/one")


def test_go_code_that_does_not_build_is_one_failure_of_its_package(places: Places) -> None:
    lines = [
        json.dumps({"ImportPath": "m/pkg", "Action": "build-output", "Output": "pkg/calc_test.go:5:2: undefined: x\n"}),
        json.dumps({"ImportPath": "m/pkg", "Action": "build-fail"}),
    ]
    (failure,) = GoTest().read(Output(None, "", "\n".join(lines).encode(), places))
    assert (failure.file, failure.line, failure.message) == ("pkg/calc_test.go", 5, "undefined: x")


def test_the_last_lines_are_those_the_terminal_would_show_last() -> None:
    assert last_lines("a\r\n\r\n\x1b[31mb\x1b[0m\r\n10%\r50%\r100%\r\n", 2) == "b\n100%"
    assert plain("one\rtwo\n") == "two\n"


def test_the_same_failure_on_another_line_is_not_another_one() -> None:
    one = Failure("mypy", "a.py:3: bad", "a.py", 3, "E")
    assert distinct([one, one._replace(line=9, message="a.py:9: bad"), one._replace(code="F")]) == [one, one._replace(code="F")]


_UNITTESTS = """
import unittest

class T(unittest.TestCase):
    def test_docstring(self):
        "Has a docstring."
        self.assertEqual(1, 2)

    def test_chained(self):
        try:
            {}["a"]
        except KeyError:
            raise ValueError("b\\nmore")

    def test_parts(self):
        for part in (1, 2):
            with self.subTest(part=part):
                self.assertEqual(part, 0)

    def test_passes(self):
        pass
"""


def test_each_failed_unittest_is_one_failure_with_the_last_of_its_tracebacks(tmp_path: Path) -> None:
    (tmp_path / "test_t.py").write_text(_UNITTESTS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "test_t"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    found = Unittest().read(Output(None, done.stdout.decode(), None, Places(str(tmp_path), str(tmp_path))))
    assert [(one.file, one.line, one.message) for one in found] == [
        ("test_t.py", 13, "ValueError: b\nmore"),
        ("test_t.py", 7, "AssertionError: 1 != 2"),
        ("test_t.py", 18, "AssertionError: 1 != 0"),
        ("test_t.py", 18, "AssertionError: 2 != 0"),
    ]
