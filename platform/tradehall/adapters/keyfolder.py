"""
The key folder (密钥目录): keys of a node that runs without a key device, each in a file only its owner can read.

In production the same keys live in a device (密码机); the node asks it to sign and never sees them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tradehall.adapters.durable import make_folder, sync_folder, write_file
from tradehall.adapters.identity.ca import DemoAuthority
from tradehall.desk.node import NodeKeys
from tradehall.desk.ports import Certificate, Chance
from tradehall.kernel import notes
from tradehall.kernel.signing import EcSigner, certificate_kid
from tradehall.rules import sealing

CERTIFICATE_DAYS = 1095


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """All keys of a node (节点密钥)."""

    node: NodeKeys
    certificate: Certificate
    authority: DemoAuthority
    witness: notes.VerifierKey
    witness_key: Ed25519PrivateKey = field(repr=False)
    cloak: bytes = field(repr=False)
    vault: bytes = field(repr=False)


def open_keys(folder: Path, *, city: str, origin: str, at: datetime, chance: Chance) -> KeyFolder:
    """
    Open a key folder, making the keys that are not there yet (打开或生成密钥); processes that start at once share them.

    Raises:
        PermissionError: others than the owner can read the folder.
    """
    make_folder(folder, 0o700)
    if folder.stat().st_mode & 0o077:
        raise PermissionError(f"{folder} must be readable by its owner only (chmod 700)")
    with _alone(folder):
        keys = _open_keys(folder, city, origin, at, chance)
        # Who made them may have been killed before their names were durable, and nothing is signed with a key that
        # a power cut could take.
        sync_folder(folder)
        return keys


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Hold the folder: no other process makes a key, or reads one half written, meanwhile."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _open_keys(folder: Path, city: str, origin: str, at: datetime, chance: Chance) -> KeyFolder:
    log, receipt, witness = (_ed(folder / f"{name}.pem") for name in ("log", "receipt", "witness"))
    authority = _authority(folder, city, at, chance)
    name = f"node:{city}"
    key = _ec(folder / "node.pem")
    certificate = _certificate(folder / "node.der", authority, key, name, at, chance)
    return KeyFolder(
        node=NodeKeys(
            name=name,
            origin=origin,
            log=notes.VerifierKey(origin, notes.ED25519, _raw(log)),
            sign_log=log.sign,
            receipt_public=_raw(receipt),
            sign_receipt=receipt.sign,
            records=EcSigner(certificate.kid, key),
        ),
        certificate=certificate,
        authority=authority,
        witness=notes.VerifierKey(f"{origin}/witness", notes.COSIGNATURE, _raw(witness)),
        witness_key=witness,
        cloak=_secret(folder / "cloak.key", chance),
        vault=sealing.clamp(_secret(folder / "vault.key", chance)),
    )


def _authority(folder: Path, city: str, at: datetime, chance: Chance) -> DemoAuthority:
    path = folder / "ca.der"
    if path.exists():
        return DemoAuthority(x509.load_der_x509_certificate(path.read_bytes()), _ec(folder / "ca.pem"))
    authority = DemoAuthority.create(f"Tradehall demo CA {city}", at=at, chance=chance)
    write_file(folder / "ca.pem", _pem(authority.key))
    write_file(path, authority.certificate.public_bytes(Encoding.DER))
    return authority


def _certificate(
    path: Path, authority: DemoAuthority, key: EllipticCurvePrivateKey, name: str, at: datetime, chance: Chance
) -> Certificate:
    if not path.exists():
        issued = authority.issue_for(
            key.public_key(), party=name, name=name, at=at, days=CERTIFICATE_DAYS, chance=chance
        )
        write_file(path, issued.der)
    der = path.read_bytes()
    found = x509.load_der_x509_certificate(der)
    return Certificate(certificate_kid(der), name, der, found.not_valid_before_utc, found.not_valid_after_utc, None)


def _ec(path: Path) -> EllipticCurvePrivateKey:
    if not path.exists():
        write_file(path, _pem(generate_private_key(SECP256R1())))
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError(f"{path.name} is no EC key")
    return key


def _ed(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        write_file(path, _pem(Ed25519PrivateKey.generate()))
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{path.name} is no Ed25519 key")
    return key


def _secret(path: Path, chance: Chance) -> bytes:
    if not path.exists():
        write_file(path, chance(32))
    return path.read_bytes()


def _pem(key: EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
