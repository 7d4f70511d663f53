"""Hooks: what an agent's client asks before, and tells after, it uses one of its own tools.

A hook is a new process for every call, so nothing is imported here, and every module below loads only what its
event needs. The course of a hook is the same for all clients; what differs stands in ``adapters``.
"""
