"""Make ``core/noclobber/lessons/secret_rules.json`` anew from the rules that gitleaks maintains (MIT).

Usage: ``python tests/tools/update_secret_rules.py gitleaks.toml VERSION``, with gitleaks' own ``config/gitleaks.toml``. Its
patterns are written for RE2; what Python's ``re`` spells differently is respelled here, once, so that reading them costs nothing.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[2] / "core" / "noclobber" / "lessons" / "secret_rules.json"
# Rules on whole shell commands: what is secret in them is found by the rules on the secret itself.
LEFT_OUT = {"curl-auth-header", "curl-auth-user", "pkcs12-file"}


def respell(pattern: str) -> str:
    """An RE2 pattern as Python's ``re`` has it: flags that begin in the middle of a group, and ``\\z``."""
    pattern = pattern.replace(r"\z", r"\Z").replace("[[:alnum:]]", "[0-9A-Za-z]")
    return _scoped(pattern)


def _scoped(pattern: str) -> str:
    out: list[str] = []
    open_flags = [0]  # how many flag groups opened inside each enclosing group wait to be closed with it
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            out.append(pattern[position : position + 2])
            position += 2
        elif char == "[":
            end = _class_end(pattern, position)
            out.append("[" + re.sub(r"(?<!\\)\[", r"\\[", pattern[position + 1 : end]))
            position = end
        elif found := re.match(r"\(\?([ims]+)\)", pattern[position:]):
            out.append(f"(?{found.group(1)}:")
            open_flags[-1] += 1
            position += found.end()
        else:
            if char == "(":
                open_flags.append(0)
            elif char == ")":
                out.append(")" * open_flags.pop())
            out.append(char)
            position += 1
    return "".join(out) + ")" * open_flags.pop()


def _class_end(pattern: str, start: int) -> int:
    position = start + (3 if pattern.startswith("[^]", start) else 2 if pattern.startswith("[]", start) else 1)
    while pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position + 1


def convert(rule: dict[str, Any]) -> dict[str, Any]:
    """One rule, with what a masker needs: name, pattern, keywords, least entropy, the group that is the secret."""
    pattern = respell(rule["regex"])
    re.compile(pattern)
    allowed = [respell(entry) for table in rule.get("allowlists", []) for entry in table.get("regexes", []) if not table.get("paths")]
    row = {
        "name": rule["id"],
        "pattern": pattern,
        "keywords": [word.lower() for word in rule["keywords"]],
        "entropy": rule.get("entropy", 0),
        "group": rule.get("secretGroup", 0),
        "allowed": allowed,
        "stopwords": sorted({word for table in rule.get("allowlists", []) for word in table.get("stopwords", [])}),
    }
    return {key: value for key, value in row.items() if value not in (0, [])}


def main() -> None:
    source, version = Path(sys.argv[1]), sys.argv[2]
    rules = tomllib.loads(source.read_text("utf-8"))["rules"]
    rows = [convert(rule) for rule in rules if rule["id"] not in LEFT_OUT]
    origin = f"gitleaks {version}, config/gitleaks.toml, Copyright (c) 2019 Zachary Rice, MIT License"
    lines = ",\n".join(json.dumps(row, ensure_ascii=True, sort_keys=True) for row in rows)
    TARGET.write_text(f'{{"origin": {json.dumps(origin)}, "rules": [\n{lines}\n]}}\n', "utf-8")
    print(f"{len(rows)} rules written to {TARGET.name}")


if __name__ == "__main__":
    main()
