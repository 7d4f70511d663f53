"""The language server: every open buffer known, every stale one shown."""
