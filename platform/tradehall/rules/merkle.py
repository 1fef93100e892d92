"""
Merkle tree of the transparency log 透明日志默克尔树 (RFC 6962 section 2.1 over SHA-256).

The tree is never held as a whole. Every question (root, proofs, growth) is answered from *nodes*: the node at
``(level, index)`` is the hash of the complete subtree over the leaves ``[index << level, (index + 1) << level)``.
Nodes come from any ``NodeReader``; ``TileNodes`` takes them from C2SP tiles, so that a log of millions of leaves
reads O(log n) tiles for a proof and O(log n) hashes to append.

Sources: RFC 6962 section 2.1; RFC 9162 sections 2.1.3.2 and 2.1.4.2 (verification); c2sp.org/tlog-tiles.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

HASH_SIZE = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves."""


class NodeReader(Protocol):
    """Where complete subtrees are looked up."""

    def node(self, level: int, index: int) -> bytes:
        """Return the 32-byte hash of the complete subtree at ``(level, index)``; level 0 are the leaf hashes."""
        ...


class TileReader(Protocol):
    """Where C2SP tiles are looked up."""

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return at least the first ``width`` hashes of the tile, 32 bytes each (a fuller tile also serves)."""
        ...


class NodeMissingError(LookupError):
    """A node was asked for that the tree of this size does not have."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf 叶哈希: SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node 节点哈希: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def root(nodes: NodeReader, size: int) -> bytes:
    """Return the root 树根 of the first ``size`` leaves; ``EMPTY_ROOT`` for none."""
    return _span(nodes, 0, size) if size else EMPTY_ROOT


def inclusion_proof(nodes: NodeReader, index: int, size: int) -> list[bytes]:
    """
    Return the audit path 存在性证明 of leaf ``index`` in the tree of ``size`` leaves, lowest sibling first.

    Raises:
        ValueError: the leaf is not in that tree.

    Source: RFC 6962 section 2.1.1.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_span(nodes, middle, end))
            end = middle
        else:
            path.append(_span(nodes, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(nodes: NodeReader, old_size: int, size: int) -> list[bytes]:
    """
    Return the proof 一致性证明 that the tree of ``old_size`` leaves is a prefix of the one of ``size`` leaves.

    Empty where there is nothing to prove: the old tree is empty, or both have the same size.

    Raises:
        ValueError: the old tree is larger than the new one.

    Source: RFC 6962 section 2.1.2.
    """
    if not 0 <= old_size <= size:
        raise ValueError(f"no tree of {size} leaves extends one of {old_size} leaves")
    if old_size in {0, size}:
        return []
    path: list[bytes] = []
    start, end = 0, size
    whole = True  # does the old tree still begin at 0 in this subtree, so that its root is known to the reader?
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(_span(nodes, middle, end))
            end = middle
        else:
            path.append(_span(nodes, start, middle))
            start = middle
            whole = False
    if not whole:
        path.append(_span(nodes, start, end))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> bool:
    """
    Tell whether the proof leads from a leaf *hash* at ``index`` to the root of ``size`` leaves.

    Total: any malformed input is a plain ``False``. Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size or not _are_hashes([leaf, expected_root, *proof]):
        return False
    position, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            value = node_hash(sibling, value)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and value == expected_root


def verify_consistency(old_size: int, size: int, proof: Sequence[bytes], old_root: bytes, expected_root: bytes) -> bool:
    """
    Tell whether the tree of ``size`` leaves extends the tree of ``old_size`` leaves without changing a leaf.

    Total: any malformed input is a plain ``False``. Source: RFC 9162 section 2.1.4.2.
    """
    if not 0 <= old_size <= size or not _are_hashes([old_root, expected_root, *proof]):
        return False
    if old_size == size:
        return not proof and old_root == expected_root and (size > 0 or old_root == EMPTY_ROOT)
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    # A complete old tree is itself the first node of the path and is left out of the proof.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        return False
    position, last = old_size - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_value = new_value = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_value, new_value = node_hash(sibling, old_value), node_hash(sibling, new_value)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_value = node_hash(new_value, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old_value == old_root and new_value == expected_root


@dataclass(frozen=True, slots=True)
class Frontier:
    """
    The right edge 右缘 of a tree: all that appending needs.

    ``peaks`` are the roots of the complete subtrees the ``size`` leaves fall into, largest first: one for each
    bit set in ``size``.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def root(self) -> bytes:
        """Return the root of the tree this is the edge of."""
        if not self.peaks:
            return EMPTY_ROOT
        value = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            value = node_hash(peak, value)
        return value

    def extend(self, leaf_hashes: Iterable[bytes]) -> "Frontier":
        """Return the edge after these leaf hashes were appended in order."""
        size, peaks = self.size, list(self.peaks)
        for value in leaf_hashes:
            peaks.append(value)
            # Each trailing one-bit of the old size is a complete subtree that now gets its right brother.
            carry = size
            while carry & 1:
                right = peaks.pop()
                peaks.append(node_hash(peaks.pop(), right))
                carry >>= 1
            size += 1
        return Frontier(size, tuple(peaks))


def frontier(nodes: NodeReader, size: int) -> Frontier:
    """Return the right edge of the first ``size`` leaves, from at most log2(size) + 1 nodes."""
    peaks: list[bytes] = []
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            peaks.append(nodes.node(level, start >> level))
            start += 1 << level
    return Frontier(size, tuple(peaks))


class MemoryNodes:
    """A whole tree in memory 内存树, for small sets and as the reference of the tile reader."""

    __slots__ = ("_levels",)

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for value in leaf_hashes:
            self.append(value)

    def __len__(self) -> int:
        """Return the number of leaves."""
        return len(self._levels[0])

    def append(self, value: bytes) -> None:
        """Append one leaf hash and every subtree it completes."""
        level = 0
        self._levels[0].append(value)
        while len(self._levels[level]) % 2 == 0:
            left, right = self._levels[level][-2:]
            level += 1
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(node_hash(left, right))

    def node(self, level: int, index: int) -> bytes:
        """Return the complete subtree at ``(level, index)``; see ``NodeReader``."""
        if not 0 <= level < len(self._levels) or not 0 <= index < len(self._levels[level]):
            raise NodeMissingError(f"no complete subtree at level {level}, index {index}")
        return self._levels[level][index]


class TileNodes:
    """
    Nodes out of C2SP tiles 由瓦片读取节点, for one tree size.

    Reads each tile at most once and remembers it with its inner hashes, so many proofs of one checkpoint share
    the work. Make a new one for each size; it must not outlive the reader.
    """

    __slots__ = ("_reader", "_size", "_tiles")

    def __init__(self, reader: TileReader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._tiles: dict[tuple[int, int], list[list[bytes]]] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the complete subtree at ``(level, index)``; see ``NodeReader``."""
        if level < 0 or index < 0 or (index + 1) << level > self._size:
            raise NodeMissingError(f"no complete subtree at level {level}, index {index} in {self._size} leaves")
        tile_level, height = divmod(level, TILE_HEIGHT)
        tile_index, position = divmod(index, TILE_WIDTH >> height)
        return self._inner(tile_level, tile_index)[height][position]

    def _inner(self, level: int, index: int) -> list[list[bytes]]:
        """Return the rows of hashes inside one tile, its own hashes first."""
        rows = self._tiles.get((level, index))
        if rows is None:
            width = tile_width(level, index, self._size)
            data = self._reader.tile(level, index, width)
            if len(data) < width * HASH_SIZE:
                raise NodeMissingError(f"tile {level}/{index} has {len(data)} bytes, {width * HASH_SIZE} are needed")
            rows = [[data[i : i + HASH_SIZE] for i in range(0, width * HASH_SIZE, HASH_SIZE)]]
            for _ in range(TILE_HEIGHT - 1):
                below = rows[-1]
                rows.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
            self._tiles[level, index] = rows
        return rows


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes, 0 to 256, the tile at ``(level, index)`` has in a tree of ``size`` leaves."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH))


def tile_root(tile: bytes) -> bytes:
    """Return the root over a tile's hashes: for a full tile, its hash in the level above."""
    row = [tile[i : i + HASH_SIZE] for i in range(0, len(tile), HASH_SIZE)]
    return Frontier().extend(row).root()


def _split(count: int) -> int:
    """Return the largest power of two smaller than ``count`` (two or more)."""
    return 1 << ((count - 1).bit_length() - 1)


def _span(nodes: NodeReader, start: int, end: int) -> bytes:
    """Return the hash over the leaves ``[start, end)`` of a subtree that RFC 6962 splits off."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return nodes.node(level, start >> level)
    middle = start + _split(count)
    return node_hash(_span(nodes, start, middle), _span(nodes, middle, end))


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_SIZE for value in values)
