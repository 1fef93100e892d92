"""
Documentation (标准文档): the catalogue as pages that people read, in Chinese and English, on paper and offline.

:func:`read_volume` gathers what is told and refuses a catalogue that lacks a text; :func:`build_site` makes the files.
"""

from tradehall_standards.docs.site import build_site, write_site
from tradehall_standards.docs.volume import Volume, read_volume
from tradehall_standards.docs.words import DocsError, Lang

__all__ = ["DocsError", "Lang", "Volume", "build_site", "read_volume", "write_site"]
