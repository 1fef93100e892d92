// 默克尔树 Merkle tree of the transparency log. Source: RFC 6962 section 2.1, RFC 9162 sections 2.1.3.2 and 2.1.4.2.

import { concat, same } from "./bytes.mjs";
import { sha256 } from "./hashes.mjs";

const half = (n) => Math.floor(n / 2);
const isOdd = (n) => n % 2 === 1;

/** Returns the hash of a leaf. */
export function leafHash(data) {
  return sha256(concat(Uint8Array.of(0), data));
}

function nodeHash(left, right) {
  return sha256(concat(Uint8Array.of(1), left, right));
}

/** Returns the root over leaf data, by its definition. */
export function treeRoot(leaves) {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return leafHash(leaves[0]);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(treeRoot(leaves.slice(0, split)), treeRoot(leaves.slice(split)));
}

/** Climbs a proof from a node: calls `left` or `right` for each sibling on that side; returns whether it reached the top. */
function climb(index, size, proof, left, right) {
  let position = index;
  let last = size - 1;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      left(sibling);
      while (position !== 0 && !isOdd(position)) [position, last] = [half(position), half(last)];
    } else {
      right(sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0;
}

const areHashes = (values) => values.every((value) => value.length === 32);

/** Tells whether the proof leads from a leaf hash to the root. */
export function isIncluded(leaf, index, size, proof, root) {
  if (!(index >= 0 && index < size) || !areHashes([leaf, root, ...proof])) return false;
  let value = leaf;
  const left = (sibling) => (value = nodeHash(sibling, value));
  const right = (sibling) => (value = nodeHash(value, sibling));
  return climb(index, size, proof, left, right) && same(value, root);
}

/** Tells whether the tree of `size` leaves extends the one of `oldSize` leaves. */
export function isConsistent(oldSize, size, proof, oldRoot, root) {
  if (!(oldSize >= 0 && oldSize <= size) || !areHashes([oldRoot, root, ...proof])) return false;
  if (oldSize === size) return proof.length === 0 && same(oldRoot, root);
  if (oldSize === 0) return proof.length === 0 && same(oldRoot, sha256(new Uint8Array(0)));
  let position = oldSize - 1;
  let last = size - 1;
  while (isOdd(position)) [position, last] = [half(position), half(last)];
  // A complete old tree is itself the first node of the path and is left out of the proof.
  const path = position === 0 ? [oldRoot, ...proof] : proof;
  if (path.length === 0) return false;
  let before = path[0];
  let after = path[0];
  const left = (sibling) => {
    before = nodeHash(sibling, before);
    after = nodeHash(sibling, after);
  };
  const right = (sibling) => (after = nodeHash(after, sibling));
  return climb(position, last + 1, path.slice(1), left, right) && same(before, oldRoot) && same(after, root);
}
