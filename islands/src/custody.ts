// Custody 密钥保管: a custodian makes the key that a notice names, keeps it here, and at the opening releases its share of
// every bid whose bidder has not come. A share is checked against the bidder's commitment before it is released.
import { Decrypter } from "age-encryption";
import { insist, post, Refused, Unreachable } from "./lib/api";
import { custodies, custodyBackup, custodyFromBackup, keepCustody, newCustody, type Custody } from "./lib/custody";
import { held } from "./lib/keyring";
import { PASSPHRASE_LEAST, Unreadable } from "./lib/locked";
import { download, lang, now, part, word } from "./lib/page";
import { sign, type Draft } from "./lib/record";
import { isShare } from "./lib/split";
import { fromBase64, hex } from "./lib/text";

interface Waiting {
  submission: string;
  index: number;
  box: string;
  commitments: string[];
}

interface Page {
  party: string;
  case: string;
  recipient: string;
  schema: { id: string; version: string; digest: string } | null;
  waiting: Waiting[];
}

/** Something a person can mend, in a sentence that is shown as it is. */
class Mend extends Error {}

const TRIES = 8;

const unhex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const unbase64url = (text: string): Uint8Array => fromBase64(text.replace(/-/g, "+").replace(/_/g, "/").padEnd(Math.ceil(text.length / 4) * 4, "="));

function mount(root: HTMLElement): void {
  const page = JSON.parse(root.dataset["page"] ?? "") as Page;
  const csrf = root.dataset["csrf"] ?? "";
  const state = part(root, "state");
  const failure = part(root, "failure");
  const making = part<HTMLFormElement>(root, "make");
  const restoring = part<HTMLFormElement>(root, "restore");
  const releasing = root.querySelector<HTMLButtonElement>('[data-part="release"]');
  let busy = false;

  function fail(error: unknown): void {
    const reason =
      error instanceof Refused
        ? error.sentence(lang)
        : error instanceof Mend
          ? error.message
          : word(root, error instanceof Unreachable ? "wordUnreachable" : error instanceof Unreadable ? "wordUnreadable" : "wordFailed", { why: String(error) });
    part(failure, "reason").textContent = reason;
    failure.hidden = false;
    failure.focus();
    state.textContent = "";
  }

  async function alone(act: () => Promise<void>): Promise<void> {
    if (busy) return;
    busy = true;
    const buttons = [...root.querySelectorAll("button")];
    for (const button of buttons) button.disabled = true;
    failure.hidden = true;
    try {
      await act();
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
      for (const button of buttons) button.disabled = false;
      await show();
    }
  }

  async function show(): Promise<void> {
    const keys = await custodies(page.party);
    part(root, "none").hidden = keys.length > 0;
    part(root, "list").replaceChildren(
      ...keys.map((one) => {
        const item = part<HTMLTemplateElement>(root, "row").content.firstElementChild?.cloneNode(true) as HTMLElement;
        part(item, "note").textContent = one.note || word(root, "wordNoNote");
        part(item, "recipient").textContent = one.recipient;
        part(item, "named").hidden = one.recipient !== page.recipient;
        part(item, "copy").addEventListener("click", () => {
          void navigator.clipboard.writeText(one.recipient).then(() => {
            state.textContent = word(root, "wordCopied");
          }, fail);
        });
        return item;
      }),
    );
    const missing = page.recipient !== "" && !keys.some((one) => one.recipient === page.recipient);
    part(root, "missing").hidden = !missing;
    if (releasing !== null) releasing.disabled = missing || page.waiting.length === 0;
  }

  making.addEventListener("submit", (event) => {
    event.preventDefault();
    void alone(async () => {
      const phrase = part<HTMLInputElement>(making, "passphrase").value;
      if (phrase.length < PASSPHRASE_LEAST) throw new Mend(word(root, "wordShort"));
      if (phrase !== part<HTMLInputElement>(making, "again").value) throw new Mend(word(root, "wordDifferent"));
      const one = newCustody(page.party, part<HTMLInputElement>(making, "note").value.trim(), now());
      await keepCustody(one);
      download(`tradehall-custody-${one.recipient.slice(4, 12)}.json`, await custodyBackup(one, phrase), "application/json");
      making.reset();
      state.textContent = word(root, "wordMade");
    });
  });

  restoring.addEventListener("submit", (event) => {
    event.preventDefault();
    void alone(async () => {
      const chosen = part<HTMLInputElement>(restoring, "file").files?.[0];
      if (chosen === undefined) throw new Unreadable("no file");
      const one = await custodyFromBackup(await chosen.text(), part<HTMLInputElement>(restoring, "passphrase").value);
      if (one.party !== page.party) throw new Mend(word(root, "wordOther"));
      await keepCustody(one);
      restoring.reset();
      state.textContent = word(root, "wordRestored");
    });
  });

  async function share(bid: Waiting, key: Custody): Promise<Uint8Array> {
    const decrypter = new Decrypter();
    decrypter.addIdentity(key.secret);
    let opened: Uint8Array;
    try {
      opened = await decrypter.decrypt(unbase64url(bid.box));
    } catch {
      throw new Mend(word(root, "wordUntrue", { submission: bid.submission }));
    }
    if (!isShare(bid.commitments.map(unhex), bid.index, opened)) throw new Mend(word(root, "wordUntrue", { submission: bid.submission }));
    return opened;
  }

  releasing?.addEventListener("click", () => {
    void alone(async () => {
      const key = (await custodies(page.party)).find((one) => one.recipient === page.recipient);
      const certificate = (await held(page.party, now()))[0];
      if (key === undefined || page.schema === null) throw new Mend(word(root, "wordNoCustody"));
      if (certificate === undefined) throw new Mend(word(root, "wordNoKey"));
      if (!confirm(word(root, "wordRelease", { count: String(page.waiting.length) }))) return;
      const untrue: string[] = [];
      let done = 0;
      for (const bid of page.waiting) {
        state.textContent = word(root, "wordReleasing", { done: String(done), all: String(page.waiting.length) });
        let opened: Uint8Array;
        try {
          opened = await share(bid, key);
        } catch (error) {
          // One bidder's untrue box must not keep the others' bids closed.
          untrue.push(error instanceof Mend ? error.message : String(error));
          continue;
        }
        const payload = { submission: bid.submission, custodian: page.party, index: bid.index, share: hex(opened) };
        const draft: Draft = { suite: "TH1", schema: page.schema, case: page.case, author: page.party, filed_by: page.party, payload };
        const signed = await sign(draft, [], certificate);
        await insist(() => post("/api/v1/records", csrf, signed.wire), TRIES, () => {
          state.textContent = word(root, "wordWaiting");
        });
        done += 1;
      }
      if (untrue.length > 0) throw new Mend(untrue.join(" "));
      state.textContent = word(root, "wordReleased", { done: String(done) });
      location.reload();
    });
  });

  if (!("subtle" in crypto) || !("indexedDB" in window)) {
    fail(new Mend(word(root, "wordNoCrypto")));
    return;
  }
  void show().catch(fail);
}

for (const root of document.querySelectorAll<HTMLElement>('[data-island="custody"]')) mount(root);
