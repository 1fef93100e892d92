"""
Workspaces (工作台): what people who are signed in do in a browser, by the same door as everybody.

No rule lives here: which acts there are says the table of the procedure, which fields a record has its standard, and
whether it would be accepted a rehearsal of the door.
"""

from tradehall.web.work.handlers import HANDLERS

__all__ = ["HANDLERS"]
