"""The order of the scenes, and the verdict."""

from __future__ import annotations

from noclobber import ConcurrencyGuard
from noclobber.history import refusal_diff

from ..cli.output import Output
from .learning import learning
from .proof import prove
from .race import FILES, race
from .scenes import looking_back, one_is_stale, undoing_a_turn
from .stage import Stage, stage

__all__ = ["play"]


def play(out: Output, seconds: float, *, keep: bool = False) -> bool:
    """Play the whole demo, ``seconds`` of it the race; whether everything came out as promised."""
    with stage(out, keep) as scene:
        scene.say(f"on a copy of noclobber's own sources in {scene.root}", "dim")
        with ConcurrencyGuard(scene.root, "narrator") as guard:
            good = [one_is_stale(scene), _race(scene, guard, seconds)]
            good.append(undoing_a_turn(scene))
            good.append(learning(scene))
        verdict = all(good)
        scene.title("Everything that was written is there or can be brought back." if verdict else "Something went wrong; see above.")
    return verdict


def _race(scene: Stage, guard: ConcurrencyGuard, seconds: float) -> bool:
    scene.title(f"The race: two agents, a person and a shell command on the same files, {seconds:g} seconds")
    result = race(scene, guard, seconds)
    if result.refusal is not None:
        scene.say("")
        scene.say(f"what {result.refusal.agent_id} was shown with one of the refusals:")
        scene.show(refusal_diff(guard, result.refusal).encode(), 16)
    scene.title("Was anything lost? Each writer kept a list of the lines it wrote")
    proven = prove(scene, guard, result)
    return proven and looking_back(scene, FILES[0], result.refusal.seq if result.refusal else None)
