// Acts of the centre 中心操作: what the node does on request, such as opening the bids. The door decides whether it may.
import { post, Refused } from "./lib/api";
import { lang, part, word } from "./lib/page";

function mount(root: HTMLElement): void {
  const csrf = root.dataset["csrf"] ?? "";
  const path = root.dataset["path"] ?? "";
  const state = part(root, "state");
  const failure = part(root, "failure");
  const buttons = [...root.querySelectorAll<HTMLButtonElement>("button[data-act]")];
  for (const button of buttons) {
    button.disabled = false;
    button.addEventListener("click", () => {
      const ask = button.dataset["ask"];
      if (ask !== undefined && !confirm(ask)) return;
      for (const one of buttons) one.disabled = true;
      failure.hidden = true;
      state.textContent = word(root, "wordActing");
      post(path, csrf, JSON.parse(button.dataset["act"] ?? "{}")).then(
        () => location.reload(),
        (error: unknown) => {
          part(failure, "reason").textContent = error instanceof Refused ? error.sentence(lang) : word(root, "wordUnreachable");
          failure.hidden = false;
          failure.focus();
          state.textContent = "";
          for (const one of buttons) one.disabled = false;
        },
      );
    });
  }
}

for (const root of document.querySelectorAll<HTMLElement>('[data-island="acts"]')) mount(root);
