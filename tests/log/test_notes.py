"""Signed notes, checkpoints and cosignatures against published vectors, real cosignatures and every mutation."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tradehall.kernel import notes

# golang.org/x/mod/sumdb/note: the reference note, its verifier key and its (published) private seed.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_NOTE = (
    PETER_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# c2sp.org/signed-note
EXAMPLE = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# A public checkpoint of a certificate log with the cosignatures of independent witnesses.
ARCHE = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
REMORA = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
STAGEMOLE = "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv"
ARCHE_NOTE = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""


def signer(seed: bytes = b"\x01" * 32) -> tuple[notes.Sign, bytes]:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.sign, key.public_key().public_bytes_raw()


def test_the_published_notes_open() -> None:
    for text, vkey in ((PETER_NOTE, PETER), (EXAMPLE_NOTE, EXAMPLE)):
        note = notes.parse_note(text)
        assert str(note) == text
        assert notes.signed_by(note, notes.parse_vkey(vkey))
        assert str(notes.parse_vkey(vkey)) == vkey
    assert not notes.signed_by(notes.parse_note(PETER_NOTE), notes.parse_vkey(EXAMPLE))


def test_signing_gives_the_published_note_again() -> None:
    sign, public = signer(PETER_SEED)
    key = notes.VerifierKey("PeterNeumann", notes.ED25519, public)
    assert str(key) == PETER
    assert str(notes.Note(PETER_TEXT, (notes.sign(PETER_TEXT, key, sign),))) == PETER_NOTE


def test_real_cosignatures_verify_with_their_time() -> None:
    checkpoint, note = notes.open_checkpoint(ARCHE_NOTE, notes.parse_vkey(ARCHE))
    assert (checkpoint.origin, checkpoint.size) == ("arche2025h1.staging.ct.transparency.dev", 1_432_088_532)
    assert str(checkpoint) == note.text
    for vkey in (REMORA, STAGEMOLE):
        at = notes.cosigned_at(note, notes.parse_vkey(vkey))
        assert at == datetime.fromtimestamp(0x6A122120, UTC)
    assert [key.name for key in notes.cosigners(note, [notes.parse_vkey(v) for v in (REMORA, STAGEMOLE, REMORA)])] == [
        "remora.n621.de",
        "witness.stagemole.eu",
    ]
    other = notes.parse_note(ARCHE_NOTE.replace("1432088532", "1432088533"))
    assert notes.cosigned_at(other, notes.parse_vkey(REMORA)) is None
    assert not notes.signed_by(other, notes.parse_vkey(ARCHE))


def test_a_log_key_is_no_witness_and_a_witness_no_log() -> None:
    note = notes.parse_note(ARCHE_NOTE)
    assert notes.cosigned_at(note, notes.parse_vkey(ARCHE)) is None
    assert not notes.signed_by(note, notes.parse_vkey(REMORA))


def test_every_mangled_vkey_is_refused() -> None:
    for vkey in (PETER, REMORA):
        for index in range(len(vkey)):
            for other in ("A", "b", "0", "+", " ", "=", "\n", "é"):
                mangled = vkey[:index] + other + vkey[index + 1 :]
                if mangled != vkey:
                    with pytest.raises(notes.NoteMalformedError):
                        notes.parse_vkey(mangled)
        for index in range(len(vkey)):
            with pytest.raises(notes.NoteMalformedError):
                notes.parse_vkey(vkey[:index])


def own_note() -> tuple[notes.Note, notes.VerifierKey, notes.VerifierKey]:
    sign, public = signer()
    log = notes.VerifierKey("chengdu.example/log", notes.ED25519, public)
    cosign, witness_public = signer(b"\x02" * 32)
    witness = notes.VerifierKey("deyang.example/witness", notes.COSIGNATURE, witness_public)
    text = str(notes.Checkpoint("chengdu.example/log", 7, b"\x07" * 32))
    at = datetime(2026, 3, 25, 1, 30, 0, 900_000, tzinfo=UTC)
    note = notes.Note(text, (notes.sign(text, log, sign), notes.cosign(text, witness, cosign, at)))
    assert notes.cosigned_at(note, witness) == at.replace(microsecond=0)
    return note, log, witness


def test_no_changed_byte_of_a_cosigned_checkpoint_goes_unseen() -> None:
    note, log, witness = own_note()
    raw = str(note).encode()
    for index in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[index] ^= 1 << bit
            try:
                parsed = notes.parse_note(changed.decode())
            except (UnicodeDecodeError, notes.NoteMalformedError):
                continue
            assert not (notes.signed_by(parsed, log) and notes.cosigned_at(parsed, witness)), (index, bit)


def test_a_bad_line_of_a_known_key_spoils_the_note() -> None:
    note, log, witness = own_note()
    first, second = note.signatures
    bad_log = notes.NoteSignature(first.name, first.key_id, bytes(64))
    bad_witness = notes.NoteSignature(second.name, second.key_id, bytes(72))
    assert not notes.signed_by(notes.Note(note.text, (first, bad_log)), log)
    assert notes.cosigned_at(notes.Note(note.text, (second, bad_witness)), witness) is None
    far = (2**63 - 1).to_bytes(8, "big")
    assert (
        notes.cosigned_at(
            notes.Note(note.text, (notes.NoteSignature(second.name, second.key_id, far + bytes(64)),)), witness
        )
        is None
    )


def test_signatures_are_added_once() -> None:
    note, _, _ = own_note()
    again = note.with_signatures(note.signatures)
    assert again == note
    other = notes.NoteSignature("meishan.example/witness", b"abcd", b"x" * 72)
    assert notes.parse_note(str(note.with_signatures([other, other]))).signatures == (*note.signatures, other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— name AAAAAAA=",
        "text\n\n— name AAAAAAA\n",
        "text\n\n- name AAAAAAA=\n",
        "text\n\n— name  AAAAAAA=\n",
        "text\n\n— na+me AAAAAAA=\n",
        "text\n\n— na\u00a0me AAAAAAA=\n",
        "text\n\n— name AAAAAB==\n",
        "text\n\n— name AAAAAA==\n",
        "te\rxt\n\n— name AAAAAAA=\n",
        "te\ud800xt\n\n— name AAAAAAA=\n",
        "text\n\n" + "— name AAAAAAA=\n" * 65,
    ],
)
def test_malformed_notes_are_refused(text: str) -> None:
    with pytest.raises(notes.NoteMalformedError):
        notes.parse_note(text)


ROOT = b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"log\n07\n{ROOT}\n",
        f"log\n-1\n{ROOT}\n",
        f"log\n+1\n{ROOT}\n",
        f"log\n１\n{ROOT}\n",
        f"log\n9999999999999999999\n{ROOT}\n",
        f"\n1\n{ROOT}\n",
        f"log\n1\n{ROOT}\nextension\n",
        f"log\n1\n{ROOT}",
        f"log\n1\n{ROOT[:-1]}\n",
        "log\n1\nAAAA\n",
        f"log\n1\n{ROOT[:-2]}B=\n",
    ],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(notes.NoteMalformedError):
        notes.parse_checkpoint(text)


def test_a_checkpoint_must_be_of_the_log_and_signed_by_it() -> None:
    note, log, witness = own_note()
    assert notes.open_checkpoint(str(note), log)[0].size == 7
    with pytest.raises(notes.NoteMalformedError, match="not of"):
        notes.open_checkpoint(str(note), notes.parse_vkey(PETER))
    unsigned = notes.Note(note.text, note.signatures[1:])
    with pytest.raises(notes.NoteMalformedError, match="no valid signature"):
        notes.open_checkpoint(str(unsigned), log)
    assert witness.kind == notes.COSIGNATURE


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_checkpoints_round_trip(size: int, root: bytes) -> None:
    checkpoint = notes.Checkpoint("log.example/成都", size, root)
    assert notes.parse_checkpoint(str(checkpoint)) == checkpoint
