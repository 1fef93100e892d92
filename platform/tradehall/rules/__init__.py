"""Pure arts of trading 规则: one question a file, no input or output, unaware of one another."""
