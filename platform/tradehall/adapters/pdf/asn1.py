"""
asn1crypto (ASN.1 编解码), which has no types: named once here as what it is, ``Any``.

It prepares names of certificates by the tables of Unicode 3.2 and raises for every character added since, among them
many of Chinese names (𪟝, 𬬭): such a signer could never be verified. Here such a value is compared as it is
written instead; names in older characters are prepared as before.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

algos: Any = import_module("asn1crypto.algos")
cms: Any = import_module("asn1crypto.cms")
core: Any = import_module("asn1crypto.core")
tsp: Any = import_module("asn1crypto.tsp")
x509: Any = import_module("asn1crypto.x509")


def _prepare_any_name(part: Any, text: str, *, prepare: Any = x509.NameTypeAndValue._ldap_string_prep) -> str:  # noqa: SLF001
    try:
        return str(prepare(part, text))
    except ValueError:
        return text


x509.NameTypeAndValue._ldap_string_prep = _prepare_any_name  # noqa: SLF001  - the library offers no other way in
