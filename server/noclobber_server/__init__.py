"""The fronts of noclobber: command line, language server, MCP server and agent hooks; each unpacks, calls one thing in core, packs."""
