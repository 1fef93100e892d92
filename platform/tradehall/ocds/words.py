"""
Words of OCDS (开放合同词汇): prefix, identifiers, extensions, how our codes are said there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tradehall.kernel.refusal import Text

PLACEHOLDER: Final = "ocds-xxxxxx"
"""Visibly no prefix: the publisher registers its own with the Open Contracting Partnership and sets it."""

PREFIX: Final = re.compile(r"ocds-[a-z0-9]{6}")
SCHEME: Final = "CN-USCI"
"""The unified social credit code (统一社会信用代码) in the register of organisation lists, org-id.guide."""

FOREIGN: Final = "x_"
REGISTERED: Final = "https://raw.githubusercontent.com/open-contracting-extensions/"
EXTENSIONS: Final = tuple(
    f"{REGISTERED}{name}/v1.1.5/extension.json"
    for name in ("ocds_lots_extension", "ocds_bid_extension", "ocds_enquiry_extension")
)
OWN_EXTENSION: Final = "/api/v1/ocds/extension/extension.json"
CATEGORY: Final[Mapping[str, str]] = {
    "works": "works",
    "goods": "goods",
    "services": "services",
    "survey_design": "services",
}
BID_STATUS: Final[Mapping[str, str]] = {
    "opened": "valid",
    "failed_bidder": "withdrawn",
    "failed_other": "withdrawn",
    "rejected_receipt": "disqualified",
}
METHOD: Final = Text("公开招标", "Open tender")
OPENING: Final = Text("开标", "Bid opening")
PUBLICITY: Final = Text("中标候选人公示", "Candidates on display")


def organisation_id(party: str) -> str:
    """Return how OCDS names a party (主体标识): ``CN-USCI-`` and the code; ``x_`` without a registered list."""
    kind, _, rest = party.partition(":")
    return f"{SCHEME}-{rest}" if kind == "org" else f"{FOREIGN}{kind}-{rest.replace(':', '-')}"


def party_of(ident: str) -> str | None:
    """Return our id of an OCDS organisation id that :func:`organisation_id` wrote, else None."""
    if ident.startswith(f"{SCHEME}-"):
        return f"org:{ident.removeprefix(f'{SCHEME}-')}"
    kind, _, rest = ident.removeprefix(FOREIGN).partition("-")
    if not ident.startswith(FOREIGN) or kind not in ("foreign", "person") or not rest:
        return None
    return f"{kind}:{rest.replace('-', ':', 1) if kind == 'foreign' else rest}"
