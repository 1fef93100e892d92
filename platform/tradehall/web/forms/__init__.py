"""
Forms from schemas (由标准生成的表单): what a person fills in, and the payload it becomes.

Three pure steps: :func:`plan` turns a published version into questions, :func:`read` what was sent into a payload, and
:func:`fill` puts a payload and its findings back into the questions. No field, limit or list of codes is written down
here: all of it is the schema's.
"""

from tradehall.web.forms.filling import Answer, Mistake, fill
from tradehall.web.forms.plan import Choice, Kind, Question, plan
from tradehall.web.forms.reading import read

__all__ = ["Answer", "Choice", "Kind", "Mistake", "Question", "fill", "plan", "read"]
