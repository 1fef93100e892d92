"""
Reading guarantee letters (保函核验): the file's own proof, with the accepted issuers.
"""

from __future__ import annotations

from tradehall.adapters.identity.ca import Trust
from tradehall.desk.ports import LetterReading


class PdfLetters:
    """Verifies letters offline (保函文件核验)."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust

    def read(self, pdf: bytes) -> LetterReading:
        """Verify a letter's file; any reason not to rely on it maps to a code of guarantee_defect."""
        from tradehall.adapters.pdf.verify import verify_letter  # noqa: PLC0415  - a quarter of the start of a node

        verdict = verify_letter(
            pdf, trust_roots=list(self._trust.roots), register=None, revoked_at=self._trust.revoked_at
        )
        if verdict.ok:
            return LetterReading(verdict.payload, ())
        return LetterReading(verdict.payload, ("bad_signature",))
