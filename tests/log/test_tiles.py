"""Tile paths, growth and entry bundles as c2sp.org/tlog-tiles words them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradehall.adapters.log import tiles
from tradehall.rules import merkle


class Store:
    """A folder of tiles, as a log keeps it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.reads = 0

    def tile(self, level: int, index: int, width: int) -> bytes:
        self.reads += 1
        full = self.files.get(tiles.TileId(level, index).path)
        return full if full is not None else self.files[tiles.TileId(level, index, width).path]

    def append(self, old_size: int, leaves: list[bytes]) -> None:
        for tile in tiles.grow(self, old_size, leaves):
            assert len(tile.data) == tile.id.width * 32
            self.files[tile.id.path] = tile.data


def hashes(count: int, start: int = 0) -> list[bytes]:
    return [merkle.leaf_hash(index.to_bytes(4, "big")) for index in range(start, start + count)]


def test_the_paths_of_the_specification() -> None:
    assert tiles.TileId(0, 1_234_067).path == "tile/0/x001/x234/067"
    assert tiles.TileId(None, 0, 1).path == "tile/entries/000.p/1"
    assert tiles.TileId(3, 999, 255).path == "tile/3/999.p/255"
    assert tiles.TileId(3, 1000).path == "tile/3/x001/000"


@settings(derandomize=True, deadline=None)
@given(st.none() | st.integers(0, 63), st.integers(0, 10**20), st.integers(1, 256))
def test_paths_round_trip(level: int | None, index: int, width: int) -> None:
    tile = tiles.TileId(level, index, width)
    assert tiles.parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/67",
        "tile/0/x000/067",
        "tile/00/067",
        "tile/64/067",
        "tile/0/067.p/0",
        "tile/0/067.p/256",
        "tile/0/067.p/300",
        "tile/0/067.p/07",
        "tile/0/001/067",
        "tile/0/x001/067/",
        "tile/0/０６７",
        "tile/0/067\n",
        "../tile/0/067",
        "checkpoint",
        "",
    ],
)
def test_no_tile_has_a_second_name(path: str) -> None:
    with pytest.raises(tiles.TileMalformedError):
        tiles.parse_path(path)


def test_a_tree_of_70_000_has_the_tiles_of_the_specification() -> None:
    found = list(tiles.tiles_of(70_000))
    assert sum(1 for tile in found if tile.level == 0 and tile.width == 256) == 273
    assert [(t.level, t.index, t.width) for t in found if t.width < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert [(t.level, t.width) for t in tiles.tiles_of(256)] == [(0, 256), (1, 1)]
    assert list(tiles.tiles_of(0)) == []


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=6))
def test_a_log_grown_in_any_batches_has_the_same_tree(batches: list[int]) -> None:
    store, size = Store(), 0
    whole = merkle.MemoryNodes()
    for batch in batches:
        leaves = hashes(batch, size)
        store.append(size, leaves)
        for leaf in leaves:
            whole.append(leaf)
        old, size = size, size + batch
        nodes = merkle.TileNodes(store, size)
        root = merkle.root(nodes, size)
        assert root == merkle.root(whole, size)
        assert all(
            tile.path in store.files or tiles.TileId(tile.level, tile.index).path in store.files
            for tile in tiles.tiles_of(size)
        )
        proof = merkle.consistency_proof(nodes, old, size)
        assert merkle.verify_consistency(old, size, proof, merkle.root(whole, old), root)


def test_growth_crosses_levels() -> None:
    store = Store()
    leaves = hashes(65_537)
    store.append(0, leaves[:65_535])
    store.reads = 0
    store.append(65_535, leaves[65_535:])
    assert store.reads == 2
    assert len(store.files["tile/2/000.p/1"]) == 32
    assert store.files["tile/2/000.p/1"] == merkle.Frontier().extend(leaves[:65_536]).root()
    assert store.files["tile/0/256.p/1"] == leaves[65_536]


def test_a_short_tile_stops_growth() -> None:
    store = Store()
    store.append(0, hashes(3))
    store.files["tile/0/000.p/3"] = bytes(95)
    with pytest.raises(merkle.NodeMissingError):
        tiles.grow(store, 3, hashes(1))


@settings(derandomize=True, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=256))
def test_entry_bundles_round_trip(entries: list[bytes]) -> None:
    data = tiles.entry_bundle(entries)
    assert tiles.parse_entry_bundle(data) == entries
    if data:
        with pytest.raises(tiles.TileMalformedError):
            tiles.parse_entry_bundle(data + b"\x00")


def test_entry_bundles_have_limits() -> None:
    assert tiles.entry_bundle([b"ab"]) == b"\x00\x02ab"
    with pytest.raises(tiles.TileMalformedError):
        tiles.entry_bundle([bytes(65_536)])
    with pytest.raises(tiles.TileMalformedError):
        tiles.entry_bundle([b""] * 257)
    with pytest.raises(tiles.TileMalformedError):
        tiles.parse_entry_bundle(b"\x00\x00" * 257)
