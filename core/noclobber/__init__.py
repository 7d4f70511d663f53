"""noclobber keeps every writer from overwriting what it has not seen."""
