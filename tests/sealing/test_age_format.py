"""The age v1 format: keys, sizes, a header stricter than age's own, and interoperation with pyrage and the CLI."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import subprocess

import pyrage
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from sealing.chance import repeatable
from tradehall.rules import sealing

CHUNK = 64 * 1024
RNG = repeatable("format")
KEY = sealing.new_secret(RNG)
SECRET = sealing.encode_secret(KEY)
RECIPIENT = sealing.recipient_of_secret(KEY)
IDENTITY = pyrage.x25519.Identity.from_str(SECRET)


def encrypt(plaintext: bytes, recipient: str = RECIPIENT) -> bytes:
    return b"".join(sealing.age_encrypt([plaintext], recipient, repeatable("file")))


def age_command() -> str:
    command = shutil.which("age")
    if command is None:
        pytest.fail("the age command is needed for this test (Debian package age)")
    return command


# --- keys ----------------------------------------------------------------------------------------------------


@given(st.binary(min_size=32, max_size=32))
def test_keys_survive_writing_and_reading(raw):
    secret = sealing.encode_secret(raw)
    assert len(secret) == 74
    assert sealing.decode_secret(secret) == raw
    recipient = sealing.encode_recipient(raw)
    assert sealing.decode_recipient(recipient) == raw
    assert str(pyrage.x25519.Recipient.from_str(recipient)) == recipient


@given(st.binary(min_size=32, max_size=32))
def test_the_recipient_of_a_secret_is_that_of_pyrage(raw):
    identity = pyrage.x25519.Identity.from_str(sealing.encode_secret(raw))
    assert sealing.recipient_of_secret(raw) == str(identity.to_public())


def test_every_single_wrong_letter_of_a_key_is_found():
    for place in range(4, len(RECIPIENT)):
        wrong = "q" if RECIPIENT[place] != "q" else "p"
        with pytest.raises(sealing.NotAnAgeKeyError):
            sealing.decode_recipient(RECIPIENT[:place] + wrong + RECIPIENT[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "age1",
        RECIPIENT.upper(),
        RECIPIENT[:20] + RECIPIENT[20:].upper(),
        RECIPIENT + "q",
        RECIPIENT[:-1],
        " " + RECIPIENT,
        RECIPIENT + "\n",
        RECIPIENT.replace("age1", "ago1"),
        RECIPIENT[:10] + "b" + RECIPIENT[11:],
        SECRET,
        SECRET.lower(),
    ],
)
def test_other_writings_of_a_recipient_are_refused(text):
    with pytest.raises(sealing.NotAnAgeKeyError):
        sealing.decode_recipient(text)


@pytest.mark.parametrize("text", ["", SECRET.lower(), SECRET[:-1], SECRET + "Q", RECIPIENT, RECIPIENT.upper()])
def test_other_writings_of_a_secret_are_refused_and_never_quoted(text):
    with pytest.raises(sealing.NotAnAgeKeyError) as caught:
        sealing.decode_secret(text)
    assert len(text) < 20 or text not in str(caught.value)


@pytest.mark.parametrize("length", [16, 31, 33, 40])
def test_a_good_checksum_over_another_length_is_refused(length):
    values = [0] * -(-length * 8 // 5)  # zero bytes, in groups of five bits
    rest = sealing._polymod([*sealing._expanded("age"), *values, *[0] * 6]) ^ 1
    values += [rest >> 5 * (5 - place) & 31 for place in range(6)]
    with pytest.raises(sealing.NotAnAgeKeyError, match="32 bytes"):
        sealing.decode_recipient("age1" + "".join(sealing._BECH32[value] for value in values))


# --- sizes ---------------------------------------------------------------------------------------------------


def test_padme_gives_the_published_values():
    # From the definition: 9 -> 10, 100 -> 104, 1,000,000 -> 1,015,808.
    assert [sealing.padme(n) for n in (0, 1, 2, 8, 9, 100, 1000, 1_000_000)] == [0, 1, 2, 8, 10, 104, 1024, 1_015_808]


@given(st.integers(min_value=0, max_value=2**31))
def test_a_size_class_holds_its_length_at_most_12_percent_more_and_is_its_own_class(length):
    padded = sealing.size_class(length)
    assert padded >= max(length, 64 * 1024)
    assert padded <= max(64 * 1024, length * 1.12)
    assert sealing.size_class(padded) == padded


@given(st.integers(min_value=0, max_value=2**31 - 1))
def test_size_classes_grow_with_the_length(length):
    assert sealing.size_class(length) <= sealing.size_class(length + 1)


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5])
def test_the_ciphertext_size_is_known_beforehand(length):
    plaintext = hashlib.shake_256(b"plain").digest(length)
    ciphertext = encrypt(plaintext)
    assert len(ciphertext) == sealing.ciphertext_size(length)
    assert pyrage.decrypt(ciphertext, [IDENTITY]) == plaintext


# --- interoperation ------------------------------------------------------------------------------------------


def test_any_cut_of_the_stream_gives_the_same_file():
    plaintext = hashlib.shake_256(b"cuts").digest(5 * CHUNK + 17)
    whole = encrypt(plaintext)
    for size in (1000, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK):
        pieces = [plaintext[at : at + size] for at in range(0, len(plaintext), size)]
        assert b"".join(sealing.age_encrypt([b"", *pieces, b""], RECIPIENT, repeatable("file"))) == whole


def test_the_age_command_opens_our_file(tmp_path):
    plaintext = "投标文件 ".encode() * 20_000
    (tmp_path / "bid.age").write_bytes(encrypt(plaintext))
    (tmp_path / "key.txt").write_text(SECRET + "\n")
    command = [age_command(), "-d", "-i", str(tmp_path / "key.txt"), str(tmp_path / "bid.age")]
    assert subprocess.run(command, capture_output=True, check=True).stdout == plaintext


def test_a_file_of_the_age_command_has_a_strict_header_and_opens_in_pyrage(tmp_path):
    (tmp_path / "plain").write_bytes(b"price 1980000.00")
    command = [age_command(), "-r", RECIPIENT, "-o", str(tmp_path / "bid.age"), str(tmp_path / "plain")]
    subprocess.run(command, capture_output=True, check=True)
    data = (tmp_path / "bid.age").read_bytes()
    assert sealing.parse_header(data).length == len(data) - 16 - 16 - len(b"price 1980000.00")
    assert pyrage.decrypt(data, [IDENTITY]) == b"price 1980000.00"


def test_a_recipient_of_low_order_is_refused():
    with pytest.raises(sealing.NotAnAgeKeyError, match="low order"):
        encrypt(b"x", sealing.encode_recipient(bytes(32)))


# --- strict header -------------------------------------------------------------------------------------------

GOOD = encrypt(b"x")
INTRO = b"age-encryption.org/v1\n"
STANZA = GOOD[len(INTRO) : GOOD.index(b"--- ")]
MAC = GOOD[GOOD.index(b"--- ") : sealing.HEADER_SIZE]
REST = GOOD[sealing.HEADER_SIZE :]


def stray_bits(text: bytes) -> bytes:
    """Change the unused low bits of the last letter of 43: the same bytes to a lenient reader."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[:-1] + bytes([alphabet[alphabet.index(text[-1]) + 1]])


def test_the_pieces_make_the_good_header():
    assert INTRO + STANZA + MAC + REST == GOOD
    header = sealing.parse_header(GOOD)
    assert (header.length, len(header.share), len(header.body), len(header.mac)) == (168, 32, 32, 32)


FIRST, BODY = STANZA.splitlines()
LENIENT = {
    "empty": b"",
    "version 2": b"age-encryption.org/v2\n" + STANZA + MAC + REST,
    "armor": b"-----BEGIN AGE ENCRYPTED FILE-----\n" + base64.b64encode(GOOD) + b"\n-----END AGE ENCRYPTED FILE-----\n",
    "carriage returns": GOOD[:168].replace(b"\n", b"\r\n") + REST,
    "leading blank": b" " + GOOD,
    "leading newline": b"\n" + GOOD,
    "no stanza": INTRO + MAC + REST,
    "two stanzas": INTRO + STANZA + STANZA + MAC + REST,
    "grease after": INTRO + STANZA + b"-> x-grease a b\nAAAA\n" + MAC + REST,
    "grease before": INTRO + b"-> x-grease\n\n" + STANZA + MAC + REST,
    "scrypt": INTRO + b"-> scrypt AAAAAAAAAAAAAAAAAAAAAA 18\n" + BODY + b"\n" + MAC + REST,
    "other stanza": INTRO + STANZA.replace(b"X25519", b"x25519") + MAC + REST,
    "no body line": INTRO + FIRST + b"\n" + MAC + REST,
    "empty body line": INTRO + FIRST + b"\n\n" + MAC + REST,
    "missing final line": INTRO + STANZA + b"\n" + MAC + REST,
    "body of two lines": INTRO + FIRST + b"\n" + BODY[:20] + b"\n" + BODY[20:] + b"\n" + MAC + REST,
    "extra argument": INTRO + FIRST + b" extra\n" + BODY + b"\n" + MAC + REST,
    "two blanks": INTRO + FIRST.replace(b"X25519 ", b"X25519  ") + b"\n" + BODY + b"\n" + MAC + REST,
    "trailing blank": INTRO + FIRST + b" \n" + BODY + b"\n" + MAC + REST,
    "no MAC": INTRO + STANZA + b"---\n" + REST,
    "padded MAC": INTRO + STANZA + MAC[:-1] + b"=\n" + REST,
    "padded body": INTRO + FIRST + b"\n" + BODY + b"=\n" + MAC + REST,
    "short share": INTRO + FIRST[:-1] + b"\n" + BODY + b"\n" + MAC + REST,
    "url alphabet": INTRO + FIRST[:20] + b"-" + FIRST[21:] + b"\n" + BODY + b"\n" + MAC + REST,
    "stray bits in share": INTRO + stray_bits(FIRST) + b"\n" + BODY + b"\n" + MAC + REST,
    "stray bits in body": INTRO + FIRST + b"\n" + stray_bits(BODY) + b"\n" + MAC + REST,
    "stray bits in MAC": INTRO + STANZA + stray_bits(MAC[:-1]) + b"\n" + REST,
    "cut in the header": GOOD[:167],
}


@pytest.mark.parametrize("name", LENIENT)
def test_a_header_of_any_other_form_is_refused(name):
    with pytest.raises(sealing.NotAnAgeFileError):
        sealing.parse_header(LENIENT[name])


def test_a_header_written_by_pyrage_carries_grease_and_is_refused():
    data = pyrage.encrypt(b"x", [IDENTITY.to_public()])
    with pytest.raises(sealing.NotAnAgeFileError, match="exactly one"):
        sealing.parse_header(data)


# --- equivocation --------------------------------------------------------------------------------------------


def _derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, info).derive(secret)


def _stanza(file_key: bytes, public: bytes, ephemeral: bytes) -> bytes:
    share = crypto_scalarmult_base(ephemeral)
    wrap = _derive(crypto_scalarmult(ephemeral, public), share + public, b"age-encryption.org/v1/X25519")
    body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    return b"-> X25519 %s\n%s\n" % tuple(base64.b64encode(part).rstrip(b"=") for part in (share, body))


def two_faced(low: bytes, high: bytes) -> bytes:
    """Build a file with two stanzas that wrap different file keys; the header MAC can only fit one of them."""
    rng = repeatable("two-faced")
    keys = rng(16), rng(16)
    header = INTRO + b"".join(
        _stanza(key, sealing.decode_recipient(sealing.recipient_of_secret(who)), rng(32))
        for key, who in zip(keys, (low, high), strict=True)
    )
    mac = hmac.digest(_derive(keys[0], b"", b"header"), header + b"---", "sha256")
    nonce = rng(16)
    payload = ChaCha20Poly1305(_derive(keys[0], nonce, b"payload"))
    sealed = payload.encrypt(bytes(11) + b"\1", b"PRICE=1450000.00", None)
    return header + b"--- " + base64.b64encode(mac).rstrip(b"=") + b"\n" + nonce + sealed


def test_a_two_faced_file_is_refused_by_header_and_by_mac():
    rng = repeatable("faces")
    low, high = sealing.new_secret(rng), sealing.new_secret(rng)
    data = two_faced(low, high)
    with pytest.raises(sealing.NotAnAgeFileError, match="exactly one"):
        sealing.parse_header(data)
    keys = [pyrage.x25519.Identity.from_str(sealing.encode_secret(key)) for key in (low, high)]
    assert pyrage.decrypt(data, [keys[0]]) == b"PRICE=1450000.00"
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(data, [keys[1]])


def test_a_file_key_swapped_under_one_stanza_fails_the_header_mac():
    rng = repeatable("swap")
    other = _stanza(rng(16), sealing.decode_recipient(RECIPIENT), rng(32))
    data = INTRO + other + MAC + REST
    assert sealing.parse_header(data).length == 168
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(data, [IDENTITY])


# --- names ---------------------------------------------------------------------------------------------------


def test_bid_authors_and_submissions_have_their_form():
    digest = base64.b32encode(hashlib.sha256(bytes(range(32))).digest()).decode().lower()
    assert sealing.bid_author(bytes(range(32))) == "bid:" + digest[:32]
    with pytest.raises(ValueError, match="32 bytes"):
        sealing.bid_author(bytes(31))
    submission = sealing.new_submission(repeatable("name"))
    assert submission.startswith("b-")
    assert len(submission) == 28
    assert set(submission[2:]) <= set("abcdefghijklmnopqrstuvwxyz234567")


@given(st.binary(max_size=40))
def test_base64url_survives(data):
    assert sealing.unbase64url(sealing.base64url(data)) == data


@pytest.mark.parametrize("text", ["A", "AB", "AA==", "A+==", "é", "AA\n"])
def test_other_base64url_is_refused(text):
    with pytest.raises(ValueError, match="base64url"):
        sealing.unbase64url(text)
