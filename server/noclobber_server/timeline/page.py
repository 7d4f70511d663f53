"""The timeline as one self-contained page: no network, no other file, nothing run but the drawing code it carries."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from typing import Any

__all__ = ["asset", "page"]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'">
<title>{title}</title><style>{style}</style></head>
<body><div id="timeline"></div><script type="application/json" id="timeline-data">{data}</script><script>{script}</script></body></html>
"""


def asset(name: str) -> str:
    """The text of ``timeline.js`` or ``timeline.css``."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def page(data: dict[str, Any]) -> str:
    """The page that draws this data (as ``model.timeline`` makes it)."""
    style, script = asset("timeline.css"), asset("timeline.js")
    safe = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # a file name must not end the script element
    title = html.escape(str(data["title"]))
    return _PAGE.format(title=title, style=style, style_hash=_digest(style), script=script, script_hash=_digest(script), data=safe)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
