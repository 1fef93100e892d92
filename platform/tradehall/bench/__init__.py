"""Benchmarks 实测: each measures its own part side by side with what else could have been done."""
