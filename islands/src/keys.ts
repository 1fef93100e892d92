// The certificate page 本机证书: make a key and have it certified, restore it from a backup, take it off this device.
import { post, Refused, Unreachable } from "./lib/api";
import { certificateRequest } from "./lib/der";
import { backup, forget, held, keep, newPair, restore, sealed, type Held } from "./lib/keyring";
import { PASSPHRASE_LEAST, Unreadable } from "./lib/locked";
import { download, lang, now, part, word } from "./lib/page";
import { base64 } from "./lib/text";


interface Issued {
  kid: string;
  not_after: string;
  certificate: string;
}

function mount(root: HTMLElement): void {
  const party = root.dataset["party"] ?? "";
  const csrf = root.dataset["csrf"] ?? "";
  const list = part(root, "list");
  const state = part(root, "state");
  const failure = part(root, "failure");

  const fail = (error: unknown): void => {
    const name = error instanceof Unreachable ? "wordUnreachable" : error instanceof Unreadable ? "wordUnreadable" : "wordFailed";
    part(failure, "reason").textContent = error instanceof Refused ? error.sentence(lang) : word(root, name, { why: String(error) });
    failure.hidden = false;
    failure.focus();
    state.textContent = "";
  };

  async function show(): Promise<void> {
    const keys = await held(party, now());
    part(root, "none").hidden = keys.length > 0;
    list.replaceChildren(
      ...keys.map((one) => {
        const item = part<HTMLTemplateElement>(root, "row").content.firstElementChild?.cloneNode(true) as HTMLElement;
        part(item, "kid").textContent = `${one.kid.slice(7, 15)}…${one.kid.slice(-8)}`;
        part(item, "until").textContent = one.notAfter.slice(0, 10);
        part(item, "forget").addEventListener("click", () => {
          if (confirm(word(root, "wordForget"))) void forget(party, one.kid).then(show).catch(fail);
        });
        return item;
      }),
    );
  }

  function guarded(form: HTMLFormElement, act: () => Promise<void>): void {
    const button = part<HTMLButtonElement>(form, "submit");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      button.disabled = true;
      failure.hidden = true;
      act()
        .then(show)
        .then(() => form.reset())
        .catch(fail)
        .finally(() => {
          button.disabled = false;
        });
    });
  }

  const making = part<HTMLFormElement>(root, "make");
  guarded(making, async () => {
    const phrase = part<HTMLInputElement>(making, "passphrase").value;
    const again = part<HTMLInputElement>(making, "again").value;
    if (phrase.length < PASSPHRASE_LEAST) throw new Error(word(root, "wordShort"));
    if (phrase !== again) throw new Error(word(root, "wordDifferent"));
    state.textContent = word(root, "wordMaking");
    const pair = await newPair();
    const csr = base64(await certificateRequest(pair));
    const issued = (await post("/api/v1/certificates", csrf, { csr })) as Issued;
    const one = { party, kid: issued.kid, certificate: issued.certificate, notAfter: issued.not_after };
    const file = await backup(one, pair.privateKey, phrase);
    await keep({ ...one, key: await sealed(pair.privateKey) });
    download(`tradehall-key-${issued.kid.slice(7, 15)}.json`, file, "application/json");
    state.textContent = word(root, "wordMade");
  });

  const restoring = part<HTMLFormElement>(root, "restore");
  guarded(restoring, async () => {
    const file = part<HTMLInputElement>(restoring, "file").files?.[0];
    if (file === undefined) throw new Unreadable("no file");
    state.textContent = word(root, "wordRestoring");
    const one: Held = await restore(await file.text(), part<HTMLInputElement>(restoring, "passphrase").value);
    if (one.party !== party) throw new Error(word(root, "wordOther"));
    await keep(one);
    state.textContent = word(root, "wordRestored");
  });

  if (!("subtle" in crypto) || !("indexedDB" in window)) {
    fail(new Error(word(root, "wordNoCrypto")));
    return;
  }
  void show().catch(fail);
}

for (const root of document.querySelectorAll<HTMLElement>('[data-island="keys"]')) mount(root);
