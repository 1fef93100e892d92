"""
Releases (标准发布): what two officers signed, who they are, and whether the files here are those.

Start with :func:`verify`; :func:`load_signed` loads what an authority's officers published and nothing else.
"""

from tradehall_standards.release.dsse import Envelope, EnvelopeError
from tradehall_standards.release.exceptions import VersionException, read_exceptions
from tradehall_standards.release.keys import Authority, KeySet, KeySetError, OfficerKey, read_authority
from tradehall_standards.release.lives import Lives, read_lives
from tradehall_standards.release.publishing import PublishRefused, propose, propose_keys, publish, sign, with_approvals
from tradehall_standards.release.releases import Release, read_releases
from tradehall_standards.release.verify import Verification, VerifyFinding, load_signed, verify

__all__ = [
    "Authority",
    "Envelope",
    "EnvelopeError",
    "KeySet",
    "KeySetError",
    "Lives",
    "OfficerKey",
    "PublishRefused",
    "Release",
    "Verification",
    "VerifyFinding",
    "VersionException",
    "load_signed",
    "propose",
    "propose_keys",
    "publish",
    "read_authority",
    "read_exceptions",
    "read_lives",
    "read_releases",
    "sign",
    "verify",
    "with_approvals",
]
