"""The Merkle tree against the published vectors, against a naive tree, and against every mutated proof byte."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradehall.rules import merkle

# The reference tree of the certificate-transparency test suite (the RFC 6962 / 9162 vectors).
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
NODES = {
    (0, 1): "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    (0, 2): "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    (0, 4): "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    (0, 7): "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
    (1, 0): "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    (1, 1): "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    (1, 2): "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    (1, 3): "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    (2, 0): "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (2, 1): "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    (3, 0): "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
# (leaf, size) -> path, as (level, index) of NODES where the path lies on complete subtrees
PATHS = {
    (0, 8): [(0, 1), (1, 1), (2, 1)],
    (5, 8): [(0, 4), (1, 3), (2, 0)],
    (2, 3): [(1, 0)],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [(0, 1), (1, 1), (2, 1)],
    (6, 8): [(1, 2), (1, 3), (2, 0)],
    (2, 5): [(1, 1), (0, 4)],
}


def reference() -> merkle.MemoryNodes:
    return merkle.MemoryNodes(merkle.leaf_hash(leaf) for leaf in LEAVES)


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(index.to_bytes(4, "big")) for index in range(count)]


class Tiles:
    """Tiles cut from a list of leaf hashes by definition; counts what is read."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.rows = [leaves]
        while len(self.rows[-1]) >= merkle.TILE_WIDTH:
            below = self.rows[-1]
            whole = len(below) // 256 * 256
            self.rows.append([naive_root(below[i : i + 256]) for i in range(0, whole, 256)])
        self.reads: list[tuple[int, int, int]] = []

    def tile(self, level: int, index: int, width: int) -> bytes:
        self.reads.append((level, index, width))
        return b"".join(self.rows[level][index * 256 : index * 256 + width])


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert merkle.root(reference(), size).hex() == ROOTS[size]
    grown = merkle.Frontier().extend(merkle.leaf_hash(leaf) for leaf in LEAVES[:size])
    assert grown.root().hex() == ROOTS[size]
    assert merkle.frontier(reference(), size) == grown


def test_nodes_are_the_published_ones() -> None:
    for (level, index), value in NODES.items():
        assert reference().node(level, index).hex() == value


@pytest.mark.parametrize(("leaf", "size"), PATHS)
def test_inclusion_paths_are_the_published_ones(leaf: int, size: int) -> None:
    proof = merkle.inclusion_proof(reference(), leaf, size)
    assert [step.hex() for step in proof] == [NODES[place] for place in PATHS[leaf, size]]
    assert merkle.verify_inclusion(merkle.leaf_hash(LEAVES[leaf]), leaf, size, proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "size"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(old: int, size: int) -> None:
    proof = merkle.consistency_proof(reference(), old, size)
    assert [step.hex() for step in proof] == [NODES[place] for place in CONSISTENCY[old, size]]
    assert merkle.verify_consistency(old, size, proof, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[size]))


def test_the_path_in_five_leaves_ends_with_the_left_tree() -> None:
    proof = merkle.inclusion_proof(reference(), 1, 5)
    assert [step.hex() for step in proof] == [merkle.leaf_hash(b"").hex(), NODES[1, 1], NODES[0, 4]]


def test_every_proof_of_every_small_tree_verifies_and_no_other_place_does() -> None:
    leaves = hashes(33)
    nodes = merkle.MemoryNodes(leaves)
    roots = [naive_root(leaves[:size]) for size in range(34)]
    for size in range(1, 34):
        assert merkle.root(nodes, size) == roots[size]
        for index in range(size):
            proof = merkle.inclusion_proof(nodes, index, size)
            assert merkle.verify_inclusion(leaves[index], index, size, proof, roots[size])
            assert not merkle.verify_inclusion(leaves[index], index + 1, size, proof, roots[size])
            assert not merkle.verify_inclusion(leaves[index], index, size, [*proof, leaves[0]], roots[size])
            assert not merkle.verify_inclusion(leaves[index], index, size, proof[:-1], roots[size]) or not proof
        for old in range(size + 1):
            proof = merkle.consistency_proof(nodes, old, size)
            assert merkle.verify_consistency(old, size, proof, roots[old], roots[size])
            assert not merkle.verify_consistency(old, size, [*proof, leaves[0]], roots[old], roots[size])
            if 0 < old < size:
                assert not merkle.verify_consistency(old, size, proof, roots[size], roots[size])
                assert not merkle.verify_consistency(old, size, proof[:-1], roots[old], roots[size])


def test_every_mutated_byte_of_a_proof_is_refused() -> None:
    leaves = hashes(21)
    nodes = merkle.MemoryNodes(leaves)
    root, old_root = naive_root(leaves), naive_root(leaves[:13])
    inclusion = merkle.inclusion_proof(nodes, 11, 21)
    consistency = merkle.consistency_proof(nodes, 13, 21)
    for proof, holds in (
        (inclusion, lambda steps: merkle.verify_inclusion(leaves[11], 11, 21, steps, root)),
        (consistency, lambda steps: merkle.verify_consistency(13, 21, steps, old_root, root)),
    ):
        assert holds(proof)
        for step in range(len(proof)):
            for byte in range(32):
                for bit in range(8):
                    changed = bytearray(proof[step])
                    changed[byte] ^= 1 << bit
                    assert not holds([*proof[:step], bytes(changed), *proof[step + 1 :]])


def test_malformed_input_is_refused_and_not_an_error() -> None:
    leaf = merkle.leaf_hash(b"x")
    assert not merkle.verify_inclusion(leaf, 0, 0, [], leaf)
    assert not merkle.verify_inclusion(leaf, -1, 1, [], leaf)
    assert not merkle.verify_inclusion(leaf[:31], 0, 1, [], leaf[:31])
    assert not merkle.verify_inclusion(leaf, 0, 2, [b"short"], leaf)
    assert not merkle.verify_consistency(2, 1, [], leaf, leaf)
    assert not merkle.verify_consistency(1, 2, [], leaf, leaf)
    assert not merkle.verify_consistency(3, 5, [], leaf, leaf)
    assert not merkle.verify_consistency(0, 5, [], leaf, leaf)
    assert not merkle.verify_consistency(0, 0, [], leaf, leaf)
    assert merkle.verify_consistency(0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)


def test_questions_outside_the_tree_are_errors() -> None:
    nodes = reference()
    with pytest.raises(ValueError, match="not in a tree"):
        merkle.inclusion_proof(nodes, 8, 8)
    with pytest.raises(ValueError, match="extends"):
        merkle.consistency_proof(nodes, 9, 8)
    with pytest.raises(merkle.NodeMissingError):
        nodes.node(3, 1)
    with pytest.raises(merkle.NodeMissingError):
        merkle.TileNodes(Tiles(hashes(9)), 9).node(1, 4)


def test_a_tile_shorter_than_promised_is_an_error() -> None:
    class Short:
        def tile(self, level: int, index: int, width: int) -> bytes:
            assert (level, index) == (0, 0)
            return b"\x00" * (32 * width - 1)

    with pytest.raises(merkle.NodeMissingError, match="tile 0/0"):
        merkle.TileNodes(Short(), 9).node(0, 0)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(1, 1200), st.data())
def test_tiles_give_the_same_proofs_as_the_whole_tree(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    memory = merkle.MemoryNodes(leaves)
    tiles = merkle.TileNodes(Tiles(leaves), size)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    assert merkle.root(tiles, size) == naive_root(leaves)
    assert merkle.inclusion_proof(tiles, index, size) == merkle.inclusion_proof(memory, index, size)
    assert merkle.consistency_proof(tiles, old, size) == merkle.consistency_proof(memory, old, size)
    begun = merkle.frontier(tiles, old)
    assert begun.extend(leaves[old:]).root() == naive_root(leaves)


def test_a_large_log_reads_few_tiles() -> None:
    """A log of 20 million leaves whose tiles are never built: only those asked for are made up, and counted."""
    size = 20_000_003

    class Sparse:
        def __init__(self) -> None:
            self.reads = 0

        def tile(self, level: int, index: int, width: int) -> bytes:
            self.reads += 1
            return sha256(f"{level}/{index}".encode()).digest() * width

    reader = Sparse()
    nodes = merkle.TileNodes(reader, size)
    merkle.frontier(nodes, size).extend(hashes(300)).root()
    assert reader.reads <= 4
    merkle.inclusion_proof(nodes, 12_345_678, size)
    assert reader.reads <= 8
    merkle.consistency_proof(nodes, 19_999_999, size)
    assert reader.reads <= 12


def test_tile_widths_are_those_of_the_specification() -> None:
    # c2sp.org/tlog-tiles: "a tree of size 70,000 will be represented by 273 full level 0 tiles, one partial ..."
    assert [merkle.tile_width(0, index, 70_000) for index in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [merkle.tile_width(1, index, 70_000) for index in (0, 1)] == [256, 17]
    assert merkle.tile_width(2, 0, 70_000) == 1
    assert [merkle.tile_width(0, 0, 256), merkle.tile_width(1, 0, 256)] == [256, 1]
