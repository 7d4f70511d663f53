"""Lessons: what a failed check taught, kept where the next agent reads it.

A CLAUDE.md is a person's file; what is here adds, replaces and removes entries in it and touches nothing else. The parts that
take bytes and give bytes know nothing of guards, stores or commands.
"""

__all__: list[str] = []
