"""
Reference pages (参考页): what the program knows of itself, written from its own tables in Chinese and English.

One module writes one page of ``docs/reference/``; ``pages`` gathers them for the command ``tradehall reference``.
"""
