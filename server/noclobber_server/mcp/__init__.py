"""The MCP server: agents' reads and writes through the guard, over stdio or HTTP. Only this package imports the SDK."""
