// Files of records 附件上传: hashed piece by piece, sent in parts, going on after a cut where the node says it stands.
import { sha256 } from "@noble/hashes/sha2.js";
import { call, insist, Refused } from "./api";
import type { Attachment } from "./record";
import { hex } from "./text";

const PART = 8 << 20;
const OFFSET_WRONG = 409;
const TRIES = 12;

interface Progress {
  complete: boolean;
  offset: number;
}

export type Watch = (step: "hash" | "send" | "wait", done: number, all: number) => void;

async function hashed(file: Blob, watch: Watch): Promise<string> {
  const hash = sha256.create();
  for (let at = 0; at < file.size; at += PART) {
    hash.update(new Uint8Array(await file.slice(at, at + PART).arrayBuffer()));
    watch("hash", Math.min(at + PART, file.size), file.size);
  }
  return `sha256:${hex(hash.digest())}`;
}

/** Sends bytes whose digest is known to the vault; goes on where an earlier try stopped. `sealed`: as part of a bid. */
export async function send(file: Blob, name: string, csrf: string, sealed: boolean, watch: Watch): Promise<void> {
  const path = `/api/v1/vault/${name}/upload${sealed ? "?sealed=1" : ""}`;
  const again = (): void => watch("wait", 0, file.size);
  let state = (await insist(() => call("GET", path, csrf), TRIES, again)) as Progress;
  while (!state.complete) {
    const at = state.offset;
    const part = file.slice(at, at + PART);
    const headers = {
      "Content-Type": "application/octet-stream",
      "Upload-Offset": String(at),
      "Upload-Length": String(file.size),
    };
    const put = (): Promise<unknown> => call("PUT", path, csrf, part, headers);
    try {
      state = (await insist(put, TRIES, again)) as Progress;
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== OFFSET_WRONG) throw error;
      state = (await insist(() => call("GET", path, csrf), TRIES, again)) as Progress;
    }
    watch("send", state.complete ? file.size : state.offset, file.size);
  }
}

/** Sends a file to the vault and returns how a record names it. */
export async function upload(file: File, csrf: string, watch: Watch): Promise<Attachment> {
  const name = await hashed(file, watch);
  await send(file, name, csrf, false, watch);
  const media = /^[a-z0-9.+-]{1,64}\/[a-z0-9.+-]{1,100}$/.test(file.type) ? file.type : "application/octet-stream";
  return { name: file.name.slice(0, 200), sha256: name, size: file.size, media_type: media };
}
