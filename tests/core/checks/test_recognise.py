"""Which tool a command line starts, whatever it is wrapped in, and what is run for it."""

from __future__ import annotations

import shlex

import pytest

from noclobber.checks.checking import check_name
from noclobber.checks.tools import recognise

LINES = {
    "pytest -q": ("pytest", "-q"),
    "python -m pytest -q": ("pytest", "-q"),
    "python3.11 -W error -m pytest": ("pytest", ""),
    ".venv/bin/pytest tests": ("pytest", "tests"),
    "uv run pytest -x": ("pytest", "-x"),
    "uv run --with pytest-cov pytest -x": ("pytest", "-x"),
    "uv run python -m pytest": ("pytest", ""),
    "python -m unittest discover -s tests": ("unittest", "discover -s tests"),
    "poetry run pytest": ("pytest", ""),
    "coverage run -m pytest a": ("pytest", "a"),
    "PYTHONPATH=src A=b pytest": ("pytest", ""),
    "env A=b pytest": ("pytest", ""),
    "timeout 60 pytest": ("pytest", ""),
    "npx eslint .": ("eslint", "."),
    "npx --yes -p eslint eslint .": ("eslint", "."),
    "npm exec -- eslint .": ("eslint", "."),
    "pnpm exec vitest run": ("vitest", "run"),
    "pnpm vitest run": ("vitest", "run"),
    "yarn tsc --noEmit": ("tsc", "--noEmit"),
    "node node_modules/eslint/bin/eslint.js src": ("eslint", "src"),
    "node_modules/.bin/tsc -p .": ("tsc", "-p ."),
    "ruff check .": ("ruff", "check ."),
    "uvx ruff check": ("ruff", "check"),
    "python -m mypy src": ("mypy", "src"),
    "basedpyright": ("pyright", ""),
    "go test ./...": ("go test", "test ./..."),
    "go build ./...": ("command", "build ./..."),
    "make test": ("command", "test"),
    "python script.py": ("command", "script.py"),
    "python -c 1": ("command", "-c 1"),
    "sh -c 'pytest -q'": ("command", "-c 'pytest -q'"),
    "python": ("command", ""),
    "uv": ("command", ""),
    "A=b": ("command", ""),
}


@pytest.mark.parametrize("line", LINES)
def test_a_wrapped_command_is_recognised(line: str) -> None:
    tool, command = recognise(shlex.split(line))
    assert (tool.name, shlex.join(command.rest)) == LINES[line]
    assert [*command.before, *command.rest] == shlex.split(line)


def test_the_same_check_has_one_name_whatever_starts_it() -> None:
    assert check_name(["python", "-m", "pytest", "-q"]) == check_name([".venv/bin/pytest", "-q"]) == "pytest -q"
    assert check_name(["pytest", "a b"]) != check_name(["pytest", "a", "b"])


@pytest.mark.parametrize(
    ("line", "planned"),
    [
        ("python -m pytest -q", "python -m pytest --junitxml=F -o junit_family=xunit1 -q"),
        ("npx vitest run", "npx vitest run --reporter=default --reporter=junit --outputFile.junit=F"),
        ("vitest run --reporter=dot", "vitest run --reporter=dot --reporter=junit --outputFile.junit=F"),
        ("vitest run --outputFile=x", "vitest run --outputFile=x"),
        ("ruff check --fix", "ruff check --fix"),
        ("make test", "make test"),
    ],
)
def test_a_tool_is_asked_for_a_report_beside_what_it_prints(line: str, planned: str) -> None:
    tool, command = recognise(shlex.split(line))
    assert shlex.join(tool.plan(command, "F")) == planned


@pytest.mark.parametrize(
    ("line", "repeated"),
    [
        ("ruff check --fix --output-format concise .", "ruff check --no-fix --output-format=json ."),
        ("ruff format --check", None),
        ("ruff check --watch", None),
        ("mypy --pretty src", "mypy --output=json src"),
        ("pyright -w", None),
        ("pyright a.py", "pyright --outputjson a.py"),
        ("npx eslint --fix -f stylish -o x.txt src", "npx eslint -f json src"),
        ("go test -v ./...", "go test -json ./..."),
        ("pytest", None),
        ("make", None),
    ],
)
def test_a_failed_run_is_repeated_only_with_what_changes_nothing(line: str, repeated: str | None) -> None:
    tool, command = recognise(shlex.split(line))
    again = tool.repeat(command)
    assert (again and shlex.join(again)) == repeated
