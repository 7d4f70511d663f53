"""The configuration files of the agents' clients: what ``noclobber init`` writes there, and takes back.

Nothing here prints or asks; ``plan`` says what would change, ``apply_plan`` does it.
"""
