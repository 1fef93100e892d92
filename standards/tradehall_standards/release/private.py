"""
Private keys (私钥) of officers: Ed25519 in PKCS 8, encrypted under a passphrase where one is given.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradehall_standards.release.dsse import Signer
from tradehall_standards.release.keys import key_id


class PrivateKeyError(ValueError):
    """A file that holds no usable private key, or a passphrase that does not open it (私钥不可用)."""


def new_key(passphrase: str | None) -> tuple[bytes, bytes]:
    """Make a key (生成密钥): the PEM file to keep, and the 32 public bytes."""
    key = Ed25519PrivateKey.generate()
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    return pem, key.public_key().public_bytes_raw()


def open_key(pem: bytes, passphrase: str | None) -> tuple[str, Signer]:
    """
    Open a key (打开私钥): its id, and what signs with it.

    Raises:
        PrivateKeyError: no Ed25519 key, or the passphrase is wrong or missing.
    """
    try:
        key = serialization.load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except (TypeError, ValueError) as problem:
        raise PrivateKeyError(str(problem)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise PrivateKeyError("officers sign with Ed25519")
    return key_id(key.public_key().public_bytes_raw()), key.sign
