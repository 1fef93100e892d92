"""
Tiles of the log 日志瓦片: how a Merkle tree and its entries lie in files and URLs (c2sp.org/tlog-tiles).

Pure functions: they say which bytes belong at which path; storing and serving them is the caller's.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tradehall.rules.merkle import (
    HASH_SIZE,
    TILE_HEIGHT,
    TILE_WIDTH,
    NodeMissingError,
    TileReader,
    tile_root,
    tile_width,
)

MAX_LEVEL = 63
MAX_ENTRY = 0xFFFF
LENGTH_SIZE = 2

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class TileMalformedError(ValueError):
    """A path or the bytes of a tile are not in the form of c2sp.org/tlog-tiles."""


@dataclass(frozen=True, slots=True)
class TileId:
    """Which tile: its level (None for a bundle of entries), its index and its width of 1 to 256."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Return the path below the log's prefix, such as ``tile/0/x001/x234/067.p/12``."""
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_index_path(self.index)}{partial}"


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile and its bytes, ``width`` hashes of 32 bytes."""

    id: TileId
    data: bytes


def parse_path(path: str) -> TileId:
    """
    Return the tile a path names; only the one canonical path of each tile is accepted.

    Raises:
        TileMalformedError: not the path of a tile.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise TileMalformedError(f"not the path of a tile: {path[:80]!r}")
    level = None if found["level"] == "entries" else int(found["level"])
    index = int(found["index"].replace("x", "").replace("/", ""))
    tile = TileId(level, index, int(found["width"] or TILE_WIDTH))
    # Leading zero elements (x000/005) and a width of 256 or more would be second names of the same tile.
    if tile.path != path or tile.width > TILE_WIDTH or (level or 0) > MAX_LEVEL:
        raise TileMalformedError(f"not the canonical path of a tile: {path[:80]!r}")
    return tile


def grow(reader: TileReader, old_size: int, leaf_hashes: Sequence[bytes]) -> list[Tile]:
    """
    Return the tiles that change when leaf hashes are appended to a log of ``old_size`` leaves, lowest level first.

    Full tiles come as full, the last one of a level as a partial tile of the new size. Reads at most one partial
    tile a level, so that the cost does not grow with the log.
    """
    tiles: list[Tile] = []
    fresh = list(leaf_hashes)
    level = 0
    while fresh:
        count = old_size >> (TILE_HEIGHT * level)
        index, width = divmod(count, TILE_WIDTH)
        data = _read(reader, level, index, width) + b"".join(fresh)
        fresh = []
        for start in range(0, len(data), TILE_WIDTH * HASH_SIZE):
            piece = data[start : start + TILE_WIDTH * HASH_SIZE]
            tiles.append(Tile(TileId(level, index, len(piece) // HASH_SIZE), piece))
            if len(piece) == TILE_WIDTH * HASH_SIZE:
                fresh.append(tile_root(piece))
            index += 1
        level += 1
    return tiles


def tiles_of(size: int) -> Iterator[TileId]:
    """Yield every hash tile of a tree of ``size`` leaves, lowest level first."""
    level = 0
    while size >> (TILE_HEIGHT * level):
        count = -(-(size >> (TILE_HEIGHT * level)) // TILE_WIDTH)
        for index in range(count):
            yield TileId(level, index, tile_width(level, index, size))
        level += 1


def entry_bundle(entries: Iterable[bytes]) -> bytes:
    """
    Return the entry bundle 日志条目包: each entry after its length as a big-endian uint16.

    Raises:
        TileMalformedError: an entry is longer than 65,535 bytes, or there are more than 256.
    """
    pieces: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY or len(pieces) == TILE_WIDTH:
            raise TileMalformedError("a bundle has at most 256 entries of at most 65,535 bytes")
        pieces.append(len(entry).to_bytes(LENGTH_SIZE, "big") + entry)
    return b"".join(pieces)


def parse_entry_bundle(data: bytes) -> list[bytes]:
    """
    Return the entries of a bundle in order.

    Raises:
        TileMalformedError: the lengths do not add up, or there are more than 256 entries.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + LENGTH_SIZE], "big")
        entry = data[at + LENGTH_SIZE : at + LENGTH_SIZE + size]
        if at + LENGTH_SIZE + size > len(data) or len(entries) == TILE_WIDTH:
            raise TileMalformedError("the entry bundle ends inside an entry or has more than 256")
        entries.append(entry)
        at += LENGTH_SIZE + size
    return entries


def _index_path(index: int) -> str:
    """Return the index in elements of three digits, all but the last with an ``x`` before them."""
    last = f"{index % 1000:03d}"
    above = index // 1000
    while above:
        last = f"x{above % 1000:03d}/{last}"
        above //= 1000
    return last


def _read(reader: TileReader, level: int, index: int, width: int) -> bytes:
    if width == 0:
        return b""
    data = reader.tile(level, index, width)
    if len(data) < width * HASH_SIZE:
        raise NodeMissingError(f"tile {level}/{index} has {len(data)} bytes, {width * HASH_SIZE} are needed")
    return data[: width * HASH_SIZE]
