"""Risk screens (风险筛查), one a file: True, False or None, with evidence, for people to judge."""
