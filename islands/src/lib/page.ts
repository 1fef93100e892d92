// The page around an island 页面: its words, its language, its parts.

export const lang: "zh" | "en" = document.documentElement.lang === "en" ? "en" : "zh";

export function part<T extends HTMLElement>(root: ParentNode, name: string): T {
  const found = root.querySelector<T>(`[data-part="${name}"]`);
  if (found === null) throw new Error(`no part ${name}`);
  return found;
}

/** A word of the page; `{name}` places are filled. */
export function word(root: HTMLElement, name: string, values: Readonly<Record<string, string>> = {}): string {
  const text = root.dataset[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}

export function size(bytes: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** The server's time, as the page was told it and the monotonic clock has gone on since. */
const start = Date.parse(document.body.dataset["now"] ?? "") - performance.now();
export const now = (): number => start + performance.now();

export function download(name: string, text: string, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
