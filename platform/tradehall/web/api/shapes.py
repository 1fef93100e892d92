"""
Shapes (数据形状): JSON Schemas of what the API takes and answers, beside the published schemas of the records.

Objects that the API takes are closed, as the strict reader is; objects that it answers may grow within version 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from tradehall_standards import lifecycle

if TYPE_CHECKING:
    from tradehall_standards import Json

Shape: TypeAlias = "dict[str, Json]"


def text(*, pattern: str = "", most: int = 0, told: str = "") -> Shape:
    """Return the schema of a string (字符串)."""
    shape: Shape = {"type": "string"}
    return (
        shape
        | ({"pattern": f"^(?:{pattern})$"} if pattern else {})
        | ({"minLength": 1, "maxLength": most} if most else {})
        | ({"description": told} if told else {})
    )


def ref(name: str) -> Shape:
    """Return a reference to a shape of the document (引用)."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(item: Shape) -> Shape:
    """Return the schema of an array (数组)."""
    return {"type": "array", "items": item}


def one_of(*values: str) -> Shape:
    """Return the schema of a string out of a few (枚举)."""
    return {"type": "string", "enum": list(values)}


def members(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """Return the schema of an object that is answered and may grow (应答对象)."""
    return {
        "type": "object",
        "required": [*required],
        "properties": {**required, **(optional or {})},
    }


def closed(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """Return the schema of an object that is taken; any other member is refused (请求对象)."""
    return {**members(required, optional), "additionalProperties": False}


def items(item: Shape, more: Mapping[str, Shape] | None = None) -> Shape:
    """Return the schema of a list in an envelope that may grow (列表)."""
    return members({"items": list_of(item), **(more or {})})


def mapping(value: Shape) -> Shape:
    """Return the schema of an object with any names (映射)."""
    return {"type": "object", "additionalProperties": value}


DIGEST: Final = text(pattern="sha256:[0-9a-f]{64}")
HEX: Final = text(pattern="[0-9a-f]{64}")
CASE: Final = text(pattern="[tgrs]-[a-z2-7]{26}")
PARTY: Final = text(
    pattern="org:[0-9A-HJ-NPQRTUWXY]{18}|foreign:[a-z]{2,20}:[A-Za-z0-9-]{1,32}|person:[a-z2-7]{16}"
    "|bid:[a-z2-7]{32}|node:[a-z0-9-]{1,32}"
)
INSTANT: Final[Shape] = {"type": "string", "format": "date-time"}
DATE: Final[Shape] = {"type": "string", "format": "date"}
COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
FLAG: Final[Shape] = {"type": "boolean"}
NAME: Final = text(most=200)
SOME: Final = text()
ANY: Final[Shape] = {}
ANYTHING: Final[Shape] = {"type": "object"}
WORDS: Final = ref("Words")
FAMILY: Final = text(pattern="[a-z][a-z0-9_]{1,63}")
VERSION: Final = text(pattern="(0|[1-9][0-9]{0,4})(\\.(0|[1-9][0-9]{0,4})){2}")
NULL: Final[Shape] = {"type": "null"}


def or_null(shape: Shape) -> Shape:
    """Return the schema of a value that may be missing as null (可空)."""
    return {"anyOf": [shape, NULL]}


ROLE: Final = one_of("expert", "guarantor", "supervisor", "officer", "centre")
FACTS: Final = members(
    {},
    {
        "stratum": SOME,
        "city": SOME,
        "employer": SOME,
        "conflicts": list_of({"type": "array", "items": SOME, "minItems": 2, "maxItems": 2})
        | {"description": "whom an expert can't judge: party (or `*`) and ground"},
    },
)
NONCES: Final[Shape] = {**mapping(HEX), "minProperties": 1, "description": "holder → 32 bytes in hex"}

CODE_LIST: Final[Mapping[str, Shape]] = {
    "list": SOME,
    "version": DATE,
    "title": WORDS,
    "closed": FLAG,
    "codes": COUNT,
    "digest": DIGEST,
}

SHAPES: Final[Mapping[str, Shape]] = {
    "Words": members({"zh": SOME, "en": SOME}),
    "Signature": closed({"protected": SOME, "signature": SOME})
    | {"description": "Flattened detached JWS (RFC 7515, RFC 7797) over the canonical form (RFC 8785)."},
    "SchemaRef": closed({"id": FAMILY, "version": VERSION, "digest": DIGEST}),
    "Attachment": closed(
        {
            "name": text(pattern="[^/\\\\\\u0000-\\u001f]{1,200}"),
            "sha256": DIGEST,
            "size": COUNT,
            "media_type": text(pattern="[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,100}"),
        }
    ),
    "Envelope": closed(
        {
            "suite": {"const": "TH1"},
            "schema": ref("SchemaRef"),
            "case": CASE,
            "author": PARTY,
            "filed_by": PARTY,
            "nonce": text(pattern="[A-Za-z0-9_-]{22}"),
            "payload": ANYTHING,
            "attachments": list_of(ref("Attachment")) | {"maxItems": 200},
        }
    ),
    "Record": closed({"envelope": ref("Envelope"), "signature": ref("Signature")}),
    "Entry": members(
        {
            "digest": DIGEST,
            "family": FAMILY,
            "author": PARTY,
            "accepted_at": INSTANT,
            "index": COUNT,
            "salt": text(pattern="[0-9a-f]{32}"),
            "envelope": ref("Envelope"),
            "signature": ref("Signature"),
        }
    ),
    "Entries": members({"records": list_of(ref("Entry"))}),
    "Receipt": members(
        {
            "type": {"const": "receipt"},
            "record": DIGEST,
            "case": CASE,
            "family": FAMILY,
            "schema": ref("SchemaRef"),
            "accepted_at": INSTANT,
            "epsilon_ms": COUNT,
            "node": PARTY,
            "leaf": members({"index": COUNT, "salt": text(pattern="[0-9a-f]{32}")}),
            "log": members({"checkpoint": SOME, "proof": list_of(HEX)}),
            "cosignatures": list_of(SOME),
        }
    ),
    "SignedReceipt": members({"receipt": ref("Receipt"), "signature": ref("Signature")}),
    "Refusal": members(
        {
            "type": {"const": "refusal"},
            "record": DIGEST,
            "case": CASE,
            "family": FAMILY,
            "code": SOME,
            "reason": WORDS,
            "clause": SOME,
            "at": INSTANT,
            "node": PARTY,
        }
    ),
    "SignedRefusal": members({"refusal": ref("Refusal"), "signature": ref("Signature")}),
    "Custody": members(
        {
            "type": {"const": "custody"},
            "record": DIGEST,
            "case": CASE,
            "family": FAMILY,
            "taken_at": INSTANT,
            "node": PARTY,
            "to": PARTY,
            "says": WORDS,
        }
    ),
    "SignedCustody": members({"custody": ref("Custody"), "signature": ref("Signature")}),
    "Kept": members(
        {
            "state": one_of("waiting", "accepted", "refused"),
            "custody": ref("SignedCustody"),
            "answer": {"anyOf": [ref("SignedReceipt"), ref("SignedRefusal"), NULL]},
            "tries": COUNT,
        }
    ),
    "Fault": members(
        {
            "pointer": text(told="JSON Pointer (RFC 6901) into the request body; empty for parameters"),
            "rule": SOME,
            "message": WORDS,
        },
        {"clause": SOME, "parameter": SOME},
    ),
    "Problem": members(
        {
            "type": text(pattern="/problems/[A-Z][A-Z0-9-]{1,63}", told="explains the code to people and programs"),
            "title": SOME,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": SOME,
            "code": text(told="stable; listed in the reference of refusals"),
            "messages": WORDS,
        },
        {"clause": SOME, "errors": list_of(ref("Fault")), "refusal": ref("SignedRefusal")},
    ),
    "Explanation": members(
        {"code": SOME, "status": COUNT, "title": SOME, "messages": WORDS, "clause": SOME},
    ),
    "Session": members({"party": PARTY, "name": SOME, "roles": list_of(SOME), "csrf_token": SOME}),
    "OpenSession": members({"id": SOME, "expires": INSTANT, "current": FLAG}),
    "Token": members({"id": SOME, "label": SOME, "expires": INSTANT}),
    "Party": members({"id": PARTY, "name": SOME, "roles": list_of(SOME)}),
    "Certificate": members(
        {
            "kid": DIGEST,
            "party": PARTY,
            "not_before": INSTANT,
            "not_after": INSTANT,
            "revoked_at": or_null(INSTANT),
            "certificate": text(told="DER, base64"),
        }
    ),
    "Version": members(
        {
            "family": FAMILY,
            "version": VERSION,
            "digest": DIGEST,
            "title": WORDS,
            "disclosure": one_of("public", "at_opening", "panel", "parties", "never"),
            "in_force_from": DATE,
        }
    ),
    "DatedVersion": members(
        {
            "family": FAMILY,
            "version": VERSION,
            "digest": DIGEST,
            "title": WORDS,
            "disclosure": one_of("public", "at_opening", "panel", "parties", "never"),
            "in_force_from": DATE,
            "state": one_of(*lifecycle.TITLES),
            "dates": list_of(members({"event": SOME, "on": DATE, "known_from": DATE})),
        }
    ),
    "SchemaOrId": {
        "anyOf": [{"type": "boolean"}, ANYTHING, text(pattern="[a-z][a-z0-9_]{1,63}/[0-9]+\\.[0-9]+\\.[0-9]+")],
        "description": "a JSON Schema of draft 4 to 2020-12, or family/version of a published one",
    },
    "CompatVerdict": members(
        {
            "direction": one_of("backward", "forward"),
            "outcome": one_of("proved", "refuted", "unknown"),
            "message": WORDS,
            "pointer": SOME,
            "reason": SOME,
            "method": SOME,
            "witness": or_null(members({"document": ANY, "place": SOME, "keyword": SOME, "refused_at": SOME})),
        }
    ),
    "Comparison": members(
        {
            "backward": ref("CompatVerdict"),
            "forward": ref("CompatVerdict"),
            "changes": list_of(
                members(
                    {
                        "pointer": SOME,
                        "keyword": SOME,
                        "action": one_of("added", "removed", "altered"),
                        "name": SOME,
                        "old": ANY,
                        "new": ANY,
                        "is_note": FLAG,
                        "message": WORDS,
                    }
                )
            ),
        }
    ),
    "DraftVerdict": members(
        {
            "family": FAMILY,
            "version": SOME,
            "taken": FLAG,
            "kept": FLAG,
            "level": one_of("patch", "minor", "major"),
            "floor": SOME,
            "lints": list_of(members({"code": SOME, "pointer": SOME, "detail": SOME, "message": WORDS})),
            "against": list_of(
                members(
                    {
                        "version": SOME,
                        "level": one_of("patch", "minor", "major"),
                        "backward": ref("CompatVerdict"),
                        "forward": ref("CompatVerdict"),
                    }
                )
            ),
            "explanation": list_of(WORDS),
        }
    ),
    "CodeList": members(CODE_LIST),
    "Code": members(
        {
            "code": SOME,
            "label": WORDS,
            "valid": FLAG,
            "valid_from": DATE,
            "valid_to": or_null(DATE),
            "replaced_by": or_null(SOME),
            "source": SOME,
        }
    ),
    "Parameter": members(
        {
            "id": SOME,
            "title": WORDS,
            "op": SOME,
            "value": ANY,
            "unit": SOME,
            "clause": SOME,
            "evidence": SOME,
            "severity": one_of("block", "warn", "review", "info"),
            "region": or_null(SOME),
            "effective_from": DATE,
            "effective_to": or_null(DATE),
        }
    ),
    "ProcedureTitle": members({"id": SOME, "title": WORDS}),
    "Procedure": members(
        {
            "id": SOME,
            "title": WORDS,
            "prefix": SOME,
            "secret": FLAG,
            "secret_families": list_of(FAMILY),
            "states": list_of(members({"id": SOME, "zh": SOME, "en": SOME, "terminal": FLAG})),
            "slots": mapping(mapping(SOME)),
            "steps": list_of(
                members(
                    {
                        "state": SOME,
                        "roles": list_of(SOME),
                        "family": FAMILY,
                        "to": SOME,
                        "guards": list_of(SOME),
                        "clause": SOME,
                    }
                )
            ),
        }
    ),
    "Finding": members(
        {"pointer": SOME, "rule": SOME, "message": WORDS, "clause": SOME, "severity": one_of("block", "warn")}
    ),
    "Verdict": members({"schema": SOME, "valid": FLAG, "findings": list_of(ref("Finding"))}),
    "Proof": members(
        {"valid": FLAG},
        {"kind": one_of("receipt", "refusal"), "content": ANYTHING, "cosigners": list_of(SOME), "reason": SOME},
    ),
    "Upload": members({"complete": FLAG, "offset": COUNT}),
    "Listing": members(
        {
            "case": CASE,
            "procedure": SOME,
            "title": SOME,
            "project_code": SOME,
            "tenderer": SOME,
            "regime": SOME,
            "region": SOME,
            "sector": SOME,
            "stage": one_of("tender", "open", "evaluate", "award", "failed", "cancelled"),
            "lots": mapping(SOME),
            "bid_deadline": INSTANT,
            "published_at": INSTANT,
        }
    ),
    "Case": members(
        {
            "case": CASE,
            "procedure": SOME,
            "lots": mapping(SOME) | {"description": "lot → state; `*` is a case without lots"},
            "head": ANYTHING | {"description": "what the records say so far: terms, deadline, custodians …"},
            "next": list_of(members({"lot": SOME, "family": FAMILY, "roles": list_of(SOME), "clause": SOME})),
        }
    ),
    "InboxItem": members({"case": CASE, "procedure": SOME, "lots": mapping(SOME)}),
    "Change": members({"family": FAMILY, "case": CASE, "at": INSTANT, "index": COUNT}),
    "Clock": members({"now": INSTANT, "suspect": FLAG, "sandbox": FLAG}),
    "Node": members(
        {
            "node": PARTY,
            "city": SOME,
            "log": text(told="verifier key of the log (C2SP signed-note)"),
            "origin": SOME,
            "receipt_key": HEX,
            "witness_key": SOME,
            "witnesses": list_of(SOME),
        }
    ),
    "Health": members({"ok": FLAG, "log_size": COUNT}),
}
