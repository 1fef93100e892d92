// Records 记录: the canonical bytes of an envelope and the detached signature over them, as the door reads them.
import { ed25519 } from "@noble/curves/ed25519.js";
import canonicalize from "canonicalize";
import type { Held } from "./keyring";
import { concat } from "./der";
import { base64url, digest, utf8 } from "./text";

export interface Attachment {
  name: string;
  sha256: string;
  size: number;
  media_type: string;
}

export interface Draft {
  suite: "TH1";
  schema: { id: string; version: string; digest: string };
  case: string;
  author: string;
  filed_by: string;
  payload: unknown;
}

export interface Signed {
  digest: string;
  wire: { envelope: unknown; signature: { protected: string; signature: string } };
}

/** RFC 8785; the platform's records hold no fractions, so there is one writing of each. */
export function canonical(value: unknown): Uint8Array<ArrayBuffer> {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("not JSON");
  return utf8(text);
}

/** Signs a draft with a key of this browser: what is signed is made here, from what the page shows. */
export async function sign(draft: Draft, attachments: readonly Attachment[], held: Held): Promise<Signed> {
  const envelope = { ...draft, nonce: base64url(crypto.getRandomValues(new Uint8Array(16))), attachments };
  const body = canonical(envelope);
  const header = base64url(canonical({ alg: "ES256", b64: false, crit: ["b64"], kid: held.kid }));
  const signed = concat(utf8(`${header}.`), body);
  const value = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, held.key, signed);
  const signature = { protected: header, signature: base64url(new Uint8Array(value)) };
  return { digest: await digest(body), wire: { envelope, signature } };
}

/** Signs a record of a bid with the key that was made for that bid alone. */
export async function signAsBid(draft: Draft, attachments: readonly Attachment[], bidKey: Uint8Array): Promise<Signed> {
  const envelope = { ...draft, nonce: base64url(crypto.getRandomValues(new Uint8Array(16))), attachments };
  const body = canonical(envelope);
  const header = base64url(canonical({ alg: "Ed25519", b64: false, crit: ["b64"], kid: draft.author }));
  const value = ed25519.sign(concat(utf8(`${header}.`), body), bidKey);
  return { digest: await digest(body), wire: { envelope, signature: { protected: header, signature: base64url(value) } } };
}
