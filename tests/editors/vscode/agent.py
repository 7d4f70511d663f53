"""An agent process for the tests: does under the guard what it is told, one JSON object a line, and answers in kind."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from noclobber import ConcurrencyGuard, Refused
from noclobber.errors import NoclobberError


def do(guard: ConcurrencyGuard, order: dict[str, Any]) -> dict[str, Any]:
    """Carry out one order."""
    path, labels = order.get("path", ""), {"turn_id": order.get("turn"), "intent_id": order.get("intent")}
    match order["do"]:
        case "read":
            read = guard.read(path, **labels)
            return {"content": read.content.decode(), "notices": list(read.notices)}
        case "write":
            done = guard.write(path, order["content"].encode(), on_stale=order.get("onStale", "reject"), **labels)
            return {"outcome": done.outcome, "seq": done.seq}
        case "edit":
            done = guard.edit(path, [(order["old"], order["new"])], **labels)
            return {"outcome": done.outcome, "seq": done.seq}
        case "events":
            return {"events": [event.to_json() for event in guard.events(file_path=path or None)]}
        case "at":
            time.sleep(max(0.0, order["at"] / 1000 - time.time()))
            done = guard.write(path, order["content"].encode(), **labels)
            return {"outcome": done.outcome, "hash": done.content_hash}
        case "kept":
            return {"kept": bool(guard.content(order["hash"]))}
        case "stream":
            return {"times": stream(guard, path, order["seconds"], **labels)}
        case "many":
            for number in range(order["count"]):
                guard.record_snapshot(path, f"{number}\n", **labels)
            return {"outcome": "done"}
    raise ValueError(order["do"])


def stream(guard: ConcurrencyGuard, path: str, seconds: float, **labels: Any) -> list[float]:
    """One more line every few milliseconds; when each was on record, in milliseconds since 1970."""
    content, times, end = guard.read(path, **labels).content, [], time.time() + seconds
    while time.time() < end:
        content += b"more\n"
        guard.write(path, content, **labels)
        times.append(time.time() * 1000)
        time.sleep(0.008)
    return times


def main() -> None:
    """Work until the end of the orders."""
    root, agent_id = sys.argv[1:]
    with ConcurrencyGuard(root, agent_id) as guard:
        for line in sys.stdin:
            try:
                answer = do(guard, json.loads(line))
            except Refused as refused:
                answer = {"refused": refused.refusal.to_json()}
            except NoclobberError as error:
                answer = {"error": str(error)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
