"""
One exact version as it is sent (标准版本的传送): bytes that never change, and headers that lead to its neighbours.

The bundle goes out in canonical form, so the SHA-256 of the bytes on the wire is the digest that records cite, that
officers signed, and that ``ETag`` and ``Repr-Digest`` name. Nothing here asks a clock or a database.
"""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from litestar import Request, Response

from tradehall.kernel.case import CENTRE_ZONE
from tradehall.web.api.tags import is_at_hand
from tradehall_standards import canonical
from tradehall_standards.lifecycle import date_of

if TYPE_CHECKING:
    from tradehall_standards import Catalogue, Version

FOREVER: Final = "public, max-age=31536000, immutable"
SCHEMA_JSON: Final = "application/schema+json"
LICENSE: Final = "https://www.apache.org/licenses/LICENSE-2.0"
API: Final = "/api/v1/schemas"
PAGES: Final = "/standards"

Form = Literal["bundle", "source"]


def digest_field(content: bytes) -> str:
    """Return the value of ``Repr-Digest`` (内容摘要, RFC 9530)."""
    raw = bytes.fromhex(canonical.sha256_hex(content))
    return f"sha-256=:{base64.b64encode(raw).decode('ascii')}:"


def sent(request: Request[Any, Any, Any], catalogue: Catalogue, version: Version, form: Form) -> Response[Any]:
    """Answer with a version, or with 304 to whoever has it (标准全文)."""
    document = dict(version.bundle if form == "bundle" else version.schema)
    tag = f'"{version.digest if form == "bundle" else canonical.digest(document)}"'
    headers = {
        "ETag": tag,
        "Cache-Control": FOREVER,
        "Vary": "Accept",
        "Link": links(catalogue, version),
        **ending(catalogue, version),
    }
    if is_at_hand(request, tag):
        return Response(None, status_code=304, headers=headers)
    content = canonical.jcs(document)
    return Response(content, media_type=SCHEMA_JSON, headers=headers | {"Repr-Digest": digest_field(content)})


def links(catalogue: Catalogue, version: Version) -> str:
    """Return where its neighbours and its page are (版本链接, RFC 8288, relations of RFC 5829)."""
    family = version.family
    known = [other.version for other in catalogue.versions(family)]
    at = known.index(version.version)
    before, after = known[at - 1] if at else None, known[at + 1] if at + 1 < len(known) else None
    told = (
        ("predecessor-version", before and f"{API}/{family}/{before}"),
        ("successor-version", after and f"{API}/{family}/{after}"),
        ("latest-version", f"{API}/{family}"),
        ("version-history", f"{API}/{family}/versions"),
        ("describedby", f"{PAGES}/{version.id}"),
        ("license", LICENSE),
    )
    return ", ".join(f'<{target}>; rel="{relation}"' for relation, target in told if target)


def ending(catalogue: Catalogue, version: Version) -> dict[str, str]:
    """
    Return since when a version is not the one to use, and when it may no longer be cited (弃用与停用).

    ``Deprecation`` (RFC 9745) is the day on which officers deprecated it or a later version took its place, whichever
    comes first; ``Sunset`` (RFC 8594) the first day of its withdrawal. Days begin at midnight in the centre's time.
    """
    found: dict[str, str] = {}
    days = [day for day in (date_of(version.decisions, "deprecated"), _replaced_on(catalogue, version)) if day]
    if days:
        found["Deprecation"] = f"@{int(_midnight(min(days)).timestamp())}"
    if version.sunset is not None:
        found["Sunset"] = format_datetime(_midnight(version.sunset).astimezone(UTC), usegmt=True)
    return found


def _replaced_on(catalogue: Catalogue, version: Version) -> date | None:
    """Return the first day on which a later version is in force."""
    known = catalogue.versions(version.family)
    at = [other.version for other in known].index(version.version)
    return min((other.in_force_from for other in known[at + 1 :] if other.in_force_from != date.max), default=None)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, CENTRE_ZONE)
