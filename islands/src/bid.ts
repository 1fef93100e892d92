// Bidding 投标: everything of a bid is made on this device and leaves it sealed. Commitment first, then the ciphertext in
// parts, then the record that hands it over; each step may be cut off and goes on where it stopped.
import { capital, wire } from "./lib/amount";
import { insist, post, Refused, Unreachable } from "./lib/api";
import { bid as bidOf, bidBackup, bidFromBackup, bidsOf, keepBid, type Bid, type Receipt } from "./lib/bids";
import { held, type Held } from "./lib/keyring";
import { PASSPHRASE_LEAST, Unreadable } from "./lib/locked";
import { isLawful } from "./lib/package";
import { download, lang, now, part, size, word } from "./lib/page";
import { signAsBid, type Attachment, type Draft } from "./lib/record";
import { bidParty, keptCiphertext, prepare, seal, type Offer, type Prepared, type Terms } from "./lib/seal";
import { fromBase64 } from "./lib/text";
import { send } from "./lib/upload";

interface Page extends Terms {
  party: string;
  name: string;
  lots: { id: string; name: string }[];
  opened: Record<string, { submission: string; commitment: string }[]>;
  open: boolean;
  schemas: Record<string, { id: string; version: string; digest: string }>;
}

/** Something a person can mend, in a sentence that is shown as it is. */
class Mend extends Error {}

const TRIES = 8;
const COMMITMENT = "bid_commitment";
const CIPHERTEXT = "sealed_bid";
const WITHDRAWAL = "bid_withdrawal";
const CONFIRMATION = "bid_confirmation";
const RELEASE = "key_release";

function mount(root: HTMLElement): void {
  const page = JSON.parse(root.dataset["page"] ?? "") as Page;
  const csrf = root.dataset["csrf"] ?? "";
  const form = part<HTMLFormElement>(root, "form");
  const check = part<HTMLFormElement>(root, "check");
  const state = part(root, "state");
  const bar = part<HTMLProgressElement>(root, "bar");
  const failure = part(root, "failure");
  const mine = part(root, "mine");
  let prepared: Prepared | null = null;
  let replaces: Bid | null = null;
  let busy = false;

  const input = <T extends HTMLElement = HTMLInputElement>(name: string): T => part<T>(form, name);

  function say(text: string, done = 0, all = 0): void {
    state.textContent = text;
    bar.hidden = all === 0;
    bar.max = all || 1;
    bar.value = done;
  }

  function fail(error: unknown): void {
    const list = part(failure, "reasons");
    const sentences: string[] = [];
    if (error instanceof Refused) {
      sentences.push(error.sentence(lang));
      for (const one of error.problem.errors ?? []) sentences.push(`${one.message?.[lang] ?? one.rule ?? ""} ${one.pointer ?? ""}`.trim());
    } else if (error instanceof Mend) {
      sentences.push(error.message);
    } else if (error instanceof Unreachable) {
      sentences.push(word(root, "wordUnreachable"));
    } else if (error instanceof Unreadable) {
      sentences.push(word(root, "wordUnreadable"));
    } else {
      sentences.push(word(root, "wordFailed", { why: String(error) }));
    }
    list.replaceChildren(
      ...sentences.map((sentence) => {
        const item = document.createElement("li");
        item.textContent = sentence;
        return item;
      }),
    );
    failure.hidden = false;
    failure.focus();
    say("");
  }

  /** Runs one thing at a time; what goes wrong is told, and the buttons come back. */
  async function alone(act: () => Promise<void>): Promise<void> {
    if (busy) return;
    busy = true;
    root.toggleAttribute("data-busy", true);
    for (const button of root.querySelectorAll("button")) button.disabled = true;
    failure.hidden = true;
    try {
      await act();
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
      root.toggleAttribute("data-busy", false);
      for (const button of root.querySelectorAll("button")) button.disabled = false;
      await show();
    }
  }

  // --- filing -----------------------------------------------------------------------------------------------------

  async function file(one: Bid, family: string, payload: unknown, attachments: readonly Attachment[] = []): Promise<void> {
    const schema = page.schemas[family];
    if (schema === undefined) throw new Error(family);
    const key = fromBase64(one.bidKey);
    const author = bidParty(key);
    const draft: Draft = { suite: "TH1", schema, case: one.case, author, filed_by: author, payload };
    const signed = await signAsBid(draft, attachments, key);
    const answer = (await insist(() => post("/api/v1/records", csrf, signed.wire), TRIES, () => say(word(root, "wordWaiting")))) as Receipt;
    one.receipts[family] = answer;
    await keepBid(one);
  }

  const about = (one: Bid): { submission: string; bid_key: unknown } => ({ submission: one.submission, bid_key: one.commitment["bid_key"] });

  /** Files what is missing of a bid: commitment, ciphertext, the record of the ciphertext. */
  async function handIn(one: Bid): Promise<void> {
    if (one.receipts[COMMITMENT] === undefined) {
      say(word(root, "wordCommitting"));
      await file(one, COMMITMENT, one.commitment);
    }
    if (one.receipts[CIPHERTEXT] === undefined) {
      const ciphertext = await keptCiphertext(one.submission);
      if (ciphertext === null || ciphertext.size !== one.size) throw new Mend(word(root, "wordLost"));
      await send(ciphertext, one.sha256, csrf, true, (step, done, all) => {
        say(word(root, step === "wait" ? "wordWaiting" : "wordSending", { done: size(done), all: size(all) }), done, all);
      });
      say(word(root, "wordHanding"));
      const attachment = { name: "bid.age", sha256: one.sha256, size: one.size, media_type: "application/vnd.age" };
      await file(one, CIPHERTEXT, { ...about(one), ciphertext: { sha256: one.sha256, size: one.size } }, [attachment]);
    }
    if (one.replaces !== null) {
      const before = await bidOf(one.replaces);
      if (before !== undefined) await keepBid({ ...before, replacedBy: one.submission });
    }
    say(word(root, "wordDone"));
  }

  // --- the form ---------------------------------------------------------------------------------------------------

  function money(name: string): string {
    const found = wire(input(name).value);
    if (found === null) {
      input(name).focus();
      throw new Mend(word(root, "wordAmount", { text: input(name).value }));
    }
    return found;
  }

  function offer(): Offer {
    const files = [...(input("files").files ?? [])];
    if (files.length === 0) throw new Mend(word(root, "wordNoFiles"));
    const odd = files.find((one) => !isLawful(one.name));
    if (odd !== undefined) throw new Mend(word(root, "wordName", { name: odd.name }));
    const names = new Set(files.map((one) => one.name.toUpperCase().toLowerCase()));
    if (names.size !== files.length) throw new Mend(word(root, "wordTwice"));
    const letter = input("letter").files?.[0];
    const number = input("number").value.trim();
    if ((letter === undefined) !== (number === "")) throw new Mend(word(root, "wordGuarantee"));
    return {
      lot: replaces?.lot ?? input<HTMLSelectElement>("lot").value,
      party: page.party,
      name: page.name,
      amount: money("amount"),
      currency: input<HTMLSelectElement>("currency").value,
      smallOrMicro: input("small").checked,
      domestic: input("domestic").checked,
      files,
      guarantee:
        letter === undefined
          ? null
          : {
              number,
              issuer: input("issuer").value.trim(),
              amount: money("security"),
              currency: input<HTMLSelectElement>("currency").value,
              validUntil: input("until").value,
              letter,
            },
    };
  }

  async function certificate(): Promise<Held> {
    const key = (await held(page.party, now()))[0];
    if (key === undefined) throw new Mend(word(root, "wordNoKey"));
    return key;
  }

  function readBack(ready: Prepared): void {
    const { manifest } = ready.readBack;
    const grouped = manifest.price.amount.replace(/\B(?=(\d{3})+(?=\.))/g, ",");
    part(check, "price").textContent = `${grouped} ${manifest.price.currency}`;
    part(check, "words").textContent = manifest.price.currency === "CNY" ? capital(manifest.price.amount) : "";
    part(check, "lot").textContent = page.lots.find((one) => one.id === manifest.lot)?.name ?? manifest.lot;
    part(check, "digest").textContent = ready.readBack.digest;
    part(check, "files").replaceChildren(
      ...manifest.files.map((one) => {
        const item = document.createElement("li");
        item.textContent = `${one.name} · ${size(one.size)} · ${one.sha256}`;
        return item;
      }),
    );
    const guarantee = manifest.guarantee;
    part(check, "guarantee").textContent = guarantee === null ? word(root, "wordNone") : `${guarantee.number} · ${guarantee.amount.amount} ${guarantee.amount.currency}`;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void alone(async () => {
      const key = await certificate();
      const before = replaces === null ? null : fromBase64(replaces.bidKey);
      prepared = await prepare(offer(), page, key.certificate, before, (_, done, all) => say(word(root, "wordMeasuring"), done, all));
      say("");
      readBack(prepared);
      form.hidden = true;
      check.hidden = false;
      part(check, "title").focus();
    });
  });

  part(check, "back").addEventListener("click", () => {
    form.hidden = false;
    check.hidden = true;
    prepared = null;
  });

  check.addEventListener("submit", (event) => {
    event.preventDefault();
    void alone(async () => {
      if (prepared === null) return;
      const phrase = part<HTMLInputElement>(check, "passphrase").value;
      if (phrase.length < PASSPHRASE_LEAST) throw new Mend(word(root, "wordShort"));
      if (phrase !== part<HTMLInputElement>(check, "again").value) throw new Mend(word(root, "wordDifferent"));
      const made = await seal(prepared, page, await certificate(), replaces?.submission ?? null, (_, done, all) => {
        say(word(root, "wordSealing"), done, all);
      });
      const { custodians, threshold, policy, answers } = page;
      const one: Bid = {
        submission: made.submission,
        case: page.case,
        lot: made.lot,
        party: page.party,
        commitment: made.commitment,
        secretKey: made.secretKey,
        bidKey: made.bidKey,
        sha256: made.sha256,
        size: made.size,
        price: `${prepared.readBack.manifest.price.amount} ${prepared.readBack.manifest.price.currency}`,
        at: now(),
        terms: { case: page.case, custodians, threshold, policy, answers },
        receipts: {},
        replaces: replaces?.submission ?? null,
        replacedBy: null,
      };
      await keepBid(one);
      download(`tradehall-bid-${one.submission}.json`, await bidBackup(one, phrase), "application/json");
      prepared = null;
      replaces = null;
      form.reset();
      check.reset();
      check.hidden = true;
      form.hidden = true;
      await handIn(one);
    });
  });

  input("amount").addEventListener("input", () => {
    const found = wire(input("amount").value);
    part(form, "words").textContent = found !== null && input<HTMLSelectElement>("currency").value === "CNY" ? capital(found) : "";
  });

  input("files").addEventListener("change", () => {
    part(form, "chosen").replaceChildren(
      ...[...(input("files").files ?? [])].map((one) => {
        const item = document.createElement("li");
        item.textContent = `${one.name} · ${size(one.size)}`;
        return item;
      }),
    );
  });

  const restoring = part<HTMLFormElement>(root, "restore");
  restoring.addEventListener("submit", (event) => {
    event.preventDefault();
    void alone(async () => {
      const chosen = part<HTMLInputElement>(restoring, "file").files?.[0];
      if (chosen === undefined) throw new Unreadable("no file");
      const one = await bidFromBackup(await chosen.text(), part<HTMLInputElement>(restoring, "passphrase").value);
      if (one.case !== page.case || one.party !== page.party) throw new Mend(word(root, "wordOther"));
      if ((await bidOf(one.submission)) === undefined) await keepBid(one);
      restoring.reset();
      say(word(root, "wordRestored"));
    });
  });

  // --- bids of this device ------------------------------------------------------------------------------------------

  const isHandedIn = (one: Bid): boolean => one.receipts[COMMITMENT] !== undefined && one.receipts[CIPHERTEXT] !== undefined;
  const isOver = (one: Bid): boolean => one.receipts[WITHDRAWAL] !== undefined || one.replacedBy !== null;

  function isOpened(one: Bid): boolean {
    const record = one.receipts[COMMITMENT]?.receipt.record;
    return (page.opened[one.lot] ?? []).some((found) => found.submission === one.submission && found.commitment === record);
  }

  function status(one: Bid): [string, string] {
    if (one.replacedBy !== null) return ["waiting", "wordReplaced"];
    if (one.receipts[WITHDRAWAL] !== undefined) return ["waiting", "wordWithdrawn"];
    if (one.receipts[RELEASE] !== undefined) return ["done", "wordRevealed"];
    if (isOpened(one)) return ["attention", "wordOpening"];
    if (isHandedIn(one)) return ["done", "wordHandedIn"];
    return ["attention", "wordUnfinished"];
  }

  const isStale = (one: Bid): boolean => page.open && isHandedIn(one) && !isOver(one) && one.terms.answers !== page.answers;

  function card(one: Bid): HTMLElement {
    const item = part<HTMLTemplateElement>(root, "row").content.firstElementChild?.cloneNode(true) as HTMLElement;
    const [tone, name] = status(one);
    part(item, "chip").className = `chip chip-${tone}`;
    part(item, "chip").textContent = word(root, name);
    part(item, "submission").textContent = one.submission;
    part(item, "facts").textContent = [page.lots.find((lot) => lot.id === one.lot)?.name ?? one.lot, one.price, size(one.size)].join(" · ");
    const receipts = part(item, "receipts");
    for (const family of [COMMITMENT, CIPHERTEXT, CONFIRMATION, WITHDRAWAL, RELEASE]) {
      const receipt = one.receipts[family];
      if (receipt === undefined) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button-small";
      button.textContent = `${word(root, "wordReceipt")} ${word(root, `family_${family}`)}`;
      button.addEventListener("click", () => download(`receipt-${one.submission}-${family}.json`, `${JSON.stringify(receipt)}\n`, "application/json"));
      receipts.append(button);
    }
    const acts: [string, boolean, () => Promise<void>][] = [
      ["continue", page.open && !isHandedIn(one) && !isOver(one), () => handIn(one)],
      ["confirm", isStale(one), async () => {
        await file(one, CONFIRMATION, { ...about(one), answers: page.answers });
        await keepBid({ ...one, terms: { ...one.terms, answers: page.answers } });
      }],
      ["replace", page.open && isHandedIn(one) && !isOver(one), async () => {
        replaces = one;
        form.hidden = false;
        part(form, "lot-field").hidden = true;
        input("amount").focus();
      }],
      ["withdraw", page.open && one.receipts[COMMITMENT] !== undefined && !isOver(one), async () => {
        if (confirm(word(root, "wordWithdraw"))) await file(one, WITHDRAWAL, about(one));
      }],
      ["reveal", isOpened(one) && one.receipts[RELEASE] === undefined && page.policy !== "custodians_only", async () => {
        if (confirm(word(root, "wordReveal"))) await file(one, RELEASE, { ...about(one), secret_key: one.secretKey });
      }],
    ];
    for (const [name, offered, act] of acts) {
      const button = part<HTMLButtonElement>(item, name);
      button.hidden = !offered;
      button.addEventListener("click", () => void alone(act));
    }
    return item;
  }

  async function show(): Promise<void> {
    const bids = await bidsOf(page.case, page.party);
    mine.replaceChildren(...bids.map(card));
    part(root, "mine-panel").hidden = bids.length === 0;
    const standing = new Set(bids.filter((one) => !isOver(one)).map((one) => one.lot));
    const lot = input<HTMLSelectElement>("lot");
    for (const option of lot.options) option.disabled = standing.has(option.value);
    const free = page.lots.some((one) => !standing.has(one.id));
    if (replaces === null) {
      form.hidden = !page.open || !free || !check.hidden;
      part(form, "lot-field").hidden = false;
      const chosen = lot.selectedOptions[0];
      if (chosen === undefined || chosen.disabled) lot.value = page.lots.find((one) => !standing.has(one.id))?.id ?? "";
    }
    part(root, "no-key").hidden = (await held(page.party, now())).length > 0;
  }

  if (!("subtle" in crypto) || !("indexedDB" in window)) {
    fail(new Mend(word(root, "wordNoCrypto")));
    return;
  }
  window.addEventListener("beforeunload", (event) => {
    if (busy) event.preventDefault();
  });
  void show().catch(fail);
}

for (const root of document.querySelectorAll<HTMLElement>('[data-island="bid"]')) mount(root);
