"""
Opening sealed bids out of the vault (从文件库开启投标文件); the files of an opened bid go back in, for the panel only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, cast

import orjson

from tradehall.adapters import sealing as disk
from tradehall.adapters.identity.ca import ChainInvalid, Trust
from tradehall.desk.ports import Unsealed, Vault
from tradehall.kernel.signing import SignatureInvalid, certificate_kid, verify_detached
from tradehall.rules import sealing
from tradehall.rules.bid_package import OpeningFailure

if TYPE_CHECKING:
    from tradehall_standards import Json


class VaultUnsealer:
    """Opens bids whose ciphertext lies in the vault (开启投标文件)."""

    def __init__(self, vault: Vault, trust: Trust) -> None:
        self._vault = vault
        self._trust = trust

    def unseal(
        self,
        commitment: Mapping[str, Json],
        secret_key: str,
        *,
        tender: str,
        submitted_at: datetime,
        earlier: Sequence[Mapping[str, Json]],
    ) -> Unsealed:
        """Open a bid; see the port."""
        committed = sealing.read_commitment(commitment)
        with tempfile.TemporaryDirectory(prefix="opening-") as folder:
            ciphertext, work = Path(folder) / "bid.age", Path(folder) / "work"
            if not self._fetch(committed.ciphertext_sha256, ciphertext):
                return Unsealed(cause="no_ciphertext", by_bidder=False)
            opened = disk.open_sealed(
                committed,
                ciphertext,
                secret_key,
                tender=tender,
                submitted_at=submitted_at,
                verify_signature=self._verify_signature,
                party_of=self._party_of,
                work=work,
                earlier=[sealing.read_commitment(e) for e in earlier],
            )
            if isinstance(opened, OpeningFailure):
                return Unsealed(cause=opened.cause, by_bidder=opened.by_bidder)
            for file in opened.files:
                self._vault.add(iter(file.chunks()), secret=True)
            letter = None if opened.letter is None else b"".join(opened.letter.chunks())
        return Unsealed(
            manifest=cast("Mapping[str, Json]", orjson.loads(opened.manifest_bytes)),
            manifest_digest="sha256:" + sha256(opened.manifest_bytes).hexdigest(),
            letter=letter,
        )

    def rebuild(self, commitment: Mapping[str, Json], shares: Sequence[tuple[str, int, bytes]]) -> str | None:
        """Rebuild the secret key of a bid from shares; see the port."""
        released = [sealing.ReleasedShare(*share) for share in shares]
        rebuilt = sealing.rebuild_key(sealing.read_commitment(commitment), released)
        return rebuilt.secret_key if isinstance(rebuilt, sealing.RebuiltKey) else None

    def _fetch(self, digest: str, target: Path) -> bool:
        try:
            with self._vault.read(digest, secret=True) as chunks, target.open("xb") as file:
                file.writelines(chunks)
        except LookupError:
            return False
        return True

    def _verify_signature(self, payload: bytes, signature: Mapping[str, str], der: bytes, at: datetime) -> None:
        try:
            key = self._trust.verify_chain(der, at)
            verify_detached(payload, signature, key, expect_kid=certificate_kid(der))
        except (ChainInvalid, SignatureInvalid) as error:
            raise ValueError(str(error)) from error

    def _party_of(self, der: bytes) -> str:
        return self._trust.party_of(der)
