"""The TH-BID-1 container and manifest: one byte string for given contents, everything else refused."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealing import packing
from tradehall.kernel.money import Currency, Money
from tradehall.rules import bid_package, sealing

GOOD = packing.container(packing.entries(packing.manifest()))


def refused(data: bytes, match: str) -> None:
    with pytest.raises(bid_package.NotAPackageError, match=match):
        packing.read(data)


# --- container -----------------------------------------------------------------------------------------------


def test_a_package_reads_back_and_has_its_size_class():
    package = packing.read(GOOD)
    assert len(GOOD) == 64 * 1024
    assert package.manifest == packing.manifest()
    assert package.signature == packing.SIGNATURE
    assert [file.name for file, _ in package.files] == list(packing.FILES)
    assert package.letter is not None


def test_the_limits_of_seal_and_package_are_the_same():
    assert bid_package.MAX_SIZE == sealing.MAX_PACKAGE_SIZE


def test_any_unzip_program_opens_a_package(tmp_path):
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "manifest.json",
            "manifest.sig",
            *("files/" + name for name in packing.FILES),
            "guarantee/letter.pdf",
            "padding",
        ]
        assert archive.read("files/技术标.pdf") == packing.FILES["技术标.pdf"]
        assert archive.comment == b""
    (tmp_path / "bid.zip").write_bytes(GOOD)
    subprocess.run([sys.executable, "-m", "zipfile", "-t", str(tmp_path / "bid.zip")], capture_output=True, check=True)


def test_the_same_contents_give_the_same_bytes():
    assert packing.container(packing.entries(packing.manifest())) == GOOD


def test_price_and_files_within_a_class_do_not_move_the_size():
    sizes = set()
    for price, length in (("1.00", 0), ("123456789012345.67", 40_000)):
        files = {"a.bin": bytes(length)}
        made = packing.manifest(price=Money(Decimal(price)), files=packing.packed(files))
        sizes.add(len(packing.container(packing.entries(made, files))))
    assert sizes == {64 * 1024}


@given(st.integers(0, 300_000))
def test_every_length_lands_on_its_size_class(length):
    part = bid_package.entry_of_bytes("files/x", bytes(length))
    size = bid_package.package_size([part], sealing.size_class)
    assert len(packing.container([part])) == size == sealing.size_class(size)


def test_a_package_is_written_without_holding_it():
    piece = bytes(1024 * 1024)

    def chunks():
        return (piece for _ in range(64))

    measured = bid_package.measure(chunks())
    big = bid_package.Entry("files/big.bin", measured.size, measured.crc32, chunks)
    tracemalloc.start()
    total = sum(len(chunk) for chunk in bid_package.write_package([big], sealing.size_class))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total >= 64 * 1024 * 1024
    assert peak < 8 * 1024 * 1024


def test_a_file_that_changed_after_it_was_measured_stops_the_writer():
    for changed in (b"other", b"longer than before", b"x"):
        measured = bid_package.measure([b"first"])
        entry = bid_package.Entry("files/a", measured.size, measured.crc32, lambda data=changed: [data])
        with pytest.raises(bid_package.SourceChangedError):
            packing.container([entry])


def test_too_large_a_package_is_refused_before_writing():
    entry = bid_package.Entry("files/a", bid_package.MAX_SIZE, 0, lambda: pytest.fail("must not be read"))
    with pytest.raises(bid_package.NotAPackageError, match="too large"):
        packing.container([entry])
    many = [bid_package.entry_of_bytes(f"files/{n}", b"") for n in range(bid_package.MAX_FILES + 4)]
    with pytest.raises(bid_package.NotAPackageError, match="too large"):
        packing.container(many)


def test_every_changed_byte_of_a_package_is_found():
    # The manifest is long enough; sample every byte of headers and directory, and each 97th of the rest.
    directory = GOOD.index(b"PK\x01\x02")
    places = {*range(200), *range(directory - 40, len(GOOD)), *range(0, len(GOOD), 97)}
    for place in sorted(places):
        changed = bytearray(GOOD)
        changed[place] ^= 0x20
        with pytest.raises(bid_package.NotAPackageError):
            packing.read(bytes(changed))


@pytest.mark.parametrize("change", [GOOD + b"\0", b"\0" + GOOD, GOOD[:-1], GOOD[:100], b"", GOOD + GOOD])
def test_anything_before_after_or_missing_is_refused(change):
    with pytest.raises(bid_package.NotAPackageError):
        packing.read(change)


# --- hostile archives ----------------------------------------------------------------------------------------


def foreign(build, *, compression=zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        build(archive)
    return buffer.getvalue()


def test_a_deflate_bomb_is_refused_from_the_directory_alone():
    bomb = foreign(lambda a: a.writestr("files/zeros", bytes(50_000_000)), compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 60_000
    refused(bomb, "compressed")


def test_an_overlapping_bomb_is_refused():
    # Two directory records point at the same bytes: the trick by which a small archive unpacks to petabytes.
    parts = packing.entries(packing.manifest())
    head = bid_package._Head(b"files/a", 4, bid_package.measure([b"data"]).crc32)
    body = head.local() + b"data"
    twin = bid_package._Head(b"files/b", 4, head.crc32)
    directory = head.central(0) + twin.central(0)
    assert parts
    refused(body + directory + bid_package._end(2, len(directory), len(body)), "canonical")


def test_a_gap_between_a_header_and_its_data_is_refused():
    head = bid_package._Head(b"manifest.json", 2, bid_package.measure([b"{}"]).crc32)
    body = head.local() + b"gap" + b"{}"
    record = head.central(3)
    refused(body + record + bid_package._end(1, len(record), len(body)), "canonical")


def test_a_gap_before_the_directory_is_refused():
    head = bid_package._Head(b"manifest.json", 2, bid_package.measure([b"{}"]).crc32)
    body = head.local() + b"{}" + b"hidden"
    record = head.central(0)
    refused(body + record + bid_package._end(1, len(record), len(body)), "between")


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "files/../evil.txt",
        "/etc/passwd",
        "files//etc/passwd",
        "files/a/b.txt",
        "files/",
        "files/..",
        "files/.hidden",
        "C:\\evil.txt",
        "files/C:evil.txt",
        "files/a\\b.txt",
        "files/e\u0301.txt",
        "files/gpj.\u202eexe",
        "files/zero\u200bwidth",
        "files/tab\t",
        "files/nul\0",
        "files/end.",
        "files/end ",
        "files/" + "x" * 201,
        "files/" + "标" * 81,
        "other/readme.txt",
        "META-INF/manifest",
        "manifest.json/",
    ],
)
def test_an_unlawful_name_is_refused(name):
    refused(packing.container([bid_package.entry_of_bytes(name, b"x")]), "unlawful entry")


def test_a_name_that_is_not_utf8_is_refused():
    head = bid_package._Head(b"files/\xff\xfe", 0, 0)
    record = head.central(0)
    refused(head.local() + record + bid_package._end(1, len(record), len(head.local())), "UTF-8")


@pytest.mark.parametrize(("first", "second"), [("a.pdf", "a.pdf"), ("A.pdf", "a.PDF"), ("straße", "STRASSE")])
def test_two_names_that_meet_on_some_system_are_refused(first, second):
    parts = [bid_package.entry_of_bytes("files/" + name, b"x") for name in (first, second)]
    refused(packing.container(parts), "same name")


@pytest.mark.parametrize("mode", [0o120777, 0o040755, 0o100755, 0])
def test_links_folders_and_other_modes_are_refused(mode):
    def build(archive):
        info = zipfile.ZipInfo("files/link", (1980, 1, 1, 0, 0, 0))
        info.external_attr = mode << 16
        archive.writestr(info, b"/etc/passwd")

    refused(foreign(build), "plain file")


def test_archives_of_other_programs_are_refused():
    refused(foreign(lambda a: a.writestr("manifest.json", b"{}")), "plain file")


def edited(*, flags=0x0800, extra=b"", comment=b"") -> bytes:
    """One stored entry with foreign header fields, otherwise consistent."""
    name = b"manifest.json"
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, flags, 0, 0, 33, 0, 0, 0, len(name), len(extra)) + name + extra
    numbers = (0x0314, 20, flags, 0, 0, 33, 0, 0, 0, len(name), len(extra), len(comment), 0, 0, 0o100644 << 16, 0)
    record = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *numbers) + name + extra + comment
    return local + record + bid_package._end(1, len(record), len(local))


@pytest.mark.parametrize("change", [{"flags": 0x0801}, {"flags": 0x0808}, {"extra": b"\1\0\0\0"}, {"comment": b"hi"}])
def test_encryption_descriptors_extras_and_comments_are_refused(change):
    refused(edited(**change), "plain file")
    refused(edited(), "not where they belong")


def test_only_listed_files_in_the_order_of_the_manifest():
    made = packing.manifest()
    unlisted = packing.entries(made, packing.FILES | {"三.pdf": b"more"})
    missing = packing.entries(made, {"商务标.pdf": packing.FILES["商务标.pdf"]})
    turned = packing.entries(made, dict(reversed(packing.FILES.items())))
    longer = packing.entries(made, packing.FILES | {"商务标.pdf": b"longer than stated"})
    for parts in (unlisted, missing, turned, longer):
        refused(packing.container(parts), "not those of the manifest")


def test_the_fixed_entries_stand_where_they_belong():
    manifest, signature, *rest = packing.entries(packing.manifest())
    for parts in ([signature, manifest, *rest], [manifest, *rest], [*rest, manifest, signature], []):
        refused(packing.container(parts), "where they belong")
    for letter_first in ([manifest, signature, rest[-1], *rest[:-1]],):
        refused(packing.container(letter_first), "not those of the manifest")


def test_a_letter_needs_a_guarantee_and_may_be_absent():
    refused(packing.container(packing.entries(packing.manifest(guarantee=None))), "without a guarantee")
    alone = packing.read(packing.container(packing.entries(packing.manifest(), letter=None)))
    assert alone.letter is None


def test_data_in_the_padding_is_refused():
    parts = packing.entries(packing.manifest())
    size = bid_package.package_size(parts, sealing.size_class)
    spare = size - sum(map(len, bid_package.write_package(parts, lambda unpadded: unpadded)))
    hidden = bid_package.entry_of_bytes(bid_package.PADDING, bytes(spare - 6) + b"hidden")
    # Write the padding as an ordinary entry and cut the empty one off the end of the directory.
    offset, body, directory = 0, b"", b""
    for part in (*parts, hidden):
        head = bid_package._Head(part.name.encode(), part.size, part.crc32)
        directory += head.central(offset)
        body += head.local() + b"".join(part.chunks())
        offset = len(body)
    data = body + directory + bid_package._end(len(parts) + 1, len(directory), offset)
    assert len(data) == size
    refused(data, "padding")


# --- manifest ------------------------------------------------------------------------------------------------


def test_a_manifest_survives_with_items_and_without_guarantee():
    made = packing.manifest(
        items=(bid_package.Item("1.1", Decimal("12.500000"), Decimal("3.25"), Decimal("40.63")),),
        guarantee=None,
        files=(),
        price=Money(Decimal("40.63"), Currency("EUR")),
    )
    assert bid_package.read_manifest(made.to_bytes()) == made


def value() -> dict:
    return json.loads(packing.manifest().to_bytes())


def canonical(changed: object) -> bytes:
    return json.dumps(changed, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def test_the_helper_writes_the_canonical_form():
    assert canonical(value()) == packing.manifest().to_bytes()


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("format", "TH-BID-2"),
        ("tender", "g-" + "a" * 26),
        ("tender", "t-" + "A" * 26),
        ("lot", "L0"),
        ("lot", 1),
        ("submission", "b-1"),
        ("bid_key", "A" * 42),
        ("answers", "sha256:" + "F" * 64),
        ("bidder.id", "bid:" + "a" * 32),
        ("bidder.name", "甲\n乙"),
        ("bidder.name", ""),
        ("bidder.certificate", "AB=="),
        ("bidder.certificate", "AB"),
        ("bidder.certificate", "A" * 20_000),
        ("price.amount", "1980000"),
        ("price.amount", "1980000.001"),
        ("price.amount", "-1.00"),
        ("price.amount", "１.00"),
        ("price.amount", 1980000),
        ("price.currency", "cny"),
        ("attributes.small_or_micro", 1),
        ("guarantee", False),
        ("guarantee.valid_until", "2026-02-30"),
        ("guarantee.valid_until", "20260701"),
        ("guarantee.letter", "none"),
        ("files", {}),
        ("files.0.name", "../a"),
        ("files.0.name", "e\u0301"),
        ("files.0.size", -1),
        ("files.0.size", True),
        ("files.0.sha256", "0" * 64),
        ("items", None),
        ("items", [{"id": "1", "quantity": "1", "unit_price": "1.0000001", "amount": "1.00"}]),
        ("extra", "x"),
        ("bidder.extra", "x"),
    ],
)
def test_a_manifest_with_a_wrong_member_is_refused(path, wrong):
    changed = value()
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = changed
    for step in parents:
        place = place[step]
    place[last] = wrong
    with pytest.raises(bid_package.NotAPackageError):
        bid_package.read_manifest(canonical(changed))


@pytest.mark.parametrize("name", sorted(value()))
def test_a_manifest_without_a_member_is_refused(name):
    changed = value()
    del changed[name]
    with pytest.raises(bid_package.NotAPackageError, match="missing or unknown"):
        bid_package.read_manifest(canonical(changed))


RAW = packing.manifest().to_bytes()


@pytest.mark.parametrize(
    "raw",
    [
        b" " + RAW,
        RAW + b"\n",
        RAW.replace(b'{"answers"', b'{"lot":"L2","answers"'),
        RAW.replace(b'"format"', b'"for\\u006dat"'),
        RAW.replace("成".encode(), b"\\u6210"),
        json.dumps(value()).encode(),
        b"\xef\xbb\xbf" + RAW,
        b"[" * 100_000,
        b"{" + RAW,
        b"null",
        b"",
        b'"' + b"x" * (3 * 1024 * 1024) + b'"',
        b"\xff",
        RAW.replace(b'"size":13', b'"size":13.0'),
        RAW.replace(b'"size":13', b'"size":1e1'),
    ],
    ids=range(15),
)
def test_other_writings_of_a_manifest_are_refused(raw):
    assert raw != RAW
    with pytest.raises(bid_package.NotAPackageError):
        bid_package.read_manifest(raw)


def test_a_writer_does_not_make_what_a_reader_refuses():
    wrong = packing.manifest(files=(bid_package.PackedFile("../a", "sha256:" + "0" * 64, 1),))
    with pytest.raises(bid_package.NotAPackageError):
        wrong.to_bytes()
    doubled = replace(packing.manifest(), files=packing.packed() * 2)
    with pytest.raises(bid_package.NotAPackageError, match="same name"):
        doubled.to_bytes()


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b'{"protected":"a","signature":"b","header":{}}',
        b'{"signature":"b","protected":"a"}',
        b'{"protected":"a","signature":""}',
        b'{"protected":"a", "signature":"b"}',
    ],
)
def test_a_signature_of_another_form_is_refused(raw):
    with pytest.raises(bid_package.NotAPackageError):
        bid_package.read_signature(raw)
