from __future__ import annotations

import json
import re

from noclobber_server.timeline.model import timeline
from noclobber_server.timeline.page import asset, page


def test_a_hostile_name_cannot_leave_its_place() -> None:
    data = {**timeline([], "</title><script>alert(1)</script>"), "files": ["</script><script>alert(2)</script>"]}
    text = page(data)
    assert "alert(1)</script>" not in text
    assert text.count("<script") == 2
    found = re.search(r'id="timeline-data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    assert json.loads(found.group(1)) == data


def test_the_page_asks_for_nothing_but_what_it_carries() -> None:
    text = page(timeline([], "t"))
    assert "default-src 'none'" in text
    assert not re.search(r'(?:src|href)="', text)


def test_the_drawing_code_can_stand_in_a_page() -> None:
    assert "</script" not in asset("timeline.js").lower()
    assert "</style" not in asset("timeline.css").lower()
