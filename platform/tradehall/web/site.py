"""
All pages of the site (全部网页): the public portal and the workspaces.
"""

from typing import Final

from tradehall.web import pages, work
from tradehall.web.pages import catalogue

HANDLERS: Final = [*pages.HANDLERS, *catalogue.HANDLERS, *work.HANDLERS]
