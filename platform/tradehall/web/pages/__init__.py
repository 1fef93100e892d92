"""
Pages (页面): fill the view models of ``web.portal`` from what the desk shows to everyone.

No rule of procedure lives here: what may be seen is asked of ``Context``, what happened is read from records.
"""

from tradehall.web.pages.handlers import HANDLERS

__all__ = ["HANDLERS"]
