"""Commands 命令行: noun then verb; data on stdout, progress on stderr, the same door as the web."""
