// Signing and filing 签名提交: the last step of every form. Nothing leaves the device unsigned, and what is signed is made
// here from what the page shows. A record that was sent and not answered is sent again as it is: the door keeps one.
import { insist, post, Refused, Unreachable } from "./lib/api";
import { held, type Held } from "./lib/keyring";
import { lang, now, part, size, word } from "./lib/page";
import { sign, type Attachment, type Draft, type Signed } from "./lib/record";
import { upload } from "./lib/upload";

const TRIES = 6;

function mount(root: HTMLElement): void {
  const party = root.dataset["party"] ?? "";
  const csrf = root.dataset["csrf"] ?? "";
  const button = part<HTMLButtonElement>(root, "sign");
  const state = part(root, "state");
  const failure = part(root, "failure");
  const files = root.querySelector<HTMLInputElement>('[data-part="files"]');
  let signed: Signed | null = null;
  let key: Held | null = null;

  const say = (text: string): void => {
    state.textContent = text;
  };

  const fail = (error: unknown): void => {
    const list = part(failure, "reasons");
    list.replaceChildren();
    const sentences: string[] = [];
    if (error instanceof Refused) {
      sentences.push(error.sentence(lang));
      for (const one of error.problem.errors ?? []) {
        sentences.push(`${one.message?.[lang] ?? one.rule ?? ""} ${one.pointer ?? ""}`.trim());
      }
      signed = null; // a refused record is not sent again: what is wrong with it has to be mended
    } else {
      sentences.push(word(root, error instanceof Unreachable ? "wordUnreachable" : "wordFailed", { why: String(error) }));
    }
    for (const sentence of sentences) {
      const item = document.createElement("li");
      item.textContent = sentence;
      list.append(item);
    }
    failure.hidden = false;
    failure.focus();
    say("");
  };

  async function attached(): Promise<Attachment[]> {
    const done: Attachment[] = [];
    for (const file of files?.files ?? []) {
      const values = { name: file.name, all: size(file.size) };
      done.push(
        await upload(file, csrf, (step, sent, all) => {
          const share = `${all === 0 ? 100 : Math.floor((100 * sent) / all)} %`;
          const name = step === "hash" ? "wordHashing" : step === "send" ? "wordSending" : "wordWaiting";
          say(word(root, name, { ...values, share }));
        }),
      );
    }
    return done;
  }

  async function act(): Promise<void> {
    if (key === null) return;
    button.disabled = true;
    failure.hidden = true;
    try {
      if (signed === null) {
        const draft = JSON.parse(root.dataset["draft"] ?? "") as Draft;
        const attachments = await attached();
        say(word(root, "wordSigning"));
        signed = await sign(draft, attachments, key);
      }
      const record = signed;
      say(word(root, "wordFiling", { digest: record.digest }));
      await insist(() => post("/api/v1/records", csrf, record.wire), TRIES, () => say(word(root, "wordWaiting", { name: "", all: "", share: "" })));
      say(word(root, "wordFiled"));
      sessionStorage.removeItem(root.dataset["draftKey"] ?? "");
      location.assign(`${root.dataset["receipt"] ?? ""}${record.digest}`);
    } catch (error) {
      fail(error);
    } finally {
      button.disabled = false;
    }
  }

  async function ready(): Promise<void> {
    if (!("subtle" in crypto) || !("indexedDB" in window)) {
      say(word(root, "wordNoCrypto"));
      return;
    }
    key = (await held(party, now()))[0] ?? null;
    part(root, "no-key").hidden = key !== null;
    button.disabled = key === null;
    if (key !== null) say(word(root, "wordKey", { kid: key.kid.slice(7, 15), until: key.notAfter.slice(0, 10) }));
  }

  button.addEventListener("click", () => void act());
  files?.addEventListener("change", () => {
    signed = null;
  });
  void ready().catch(fail);
}

for (const root of document.querySelectorAll<HTMLElement>('[data-island="filing"]')) mount(root);
