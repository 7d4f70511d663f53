from __future__ import annotations

import json
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[2] / "corpus" / "lessons"


def _text(value: str | dict[str, object]) -> str | bytes:
    if isinstance(value, str):
        return value
    if "hex" in value:
        return bytes.fromhex(str(value["hex"]))
    return str(value["repeat"]) * int(str(value["times"]))


HOSTILE: dict[str, str | bytes] = {name: _text(value) for name, value in json.loads((CORPUS / "hostile.json").read_text("utf-8")).items()}
FILES: dict[str, bytes] = {path.name: path.read_bytes() for path in sorted((CORPUS / "files").glob("*.md"))}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "hostile_name" in metafunc.fixturenames:
        metafunc.parametrize("hostile_name", list(HOSTILE))
    if "file_name" in metafunc.fixturenames:
        metafunc.parametrize("file_name", list(FILES))


@pytest.fixture
def hostile(hostile_name: str) -> str | bytes:
    return HOSTILE[hostile_name]


@pytest.fixture
def hostile_texts() -> dict[str, str | bytes]:
    return HOSTILE


@pytest.fixture
def claude_md(file_name: str) -> bytes:
    return FILES[file_name]


@pytest.fixture
def claude_md_files() -> dict[str, bytes]:
    return FILES
