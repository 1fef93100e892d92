// Amounts 金额: the one writing on the wire, and the words a person reads back (支付结算办法附一).

const DIGITS = "零壹贰叁肆伍陆柒捌玖";
const NOUGHT = "零";
const PLACES = ["", "拾", "佰", "仟"];

/** The wire form of what was written, or null where it is no amount: thousands and full-width digits are put right. */
export function wire(text: string): string | null {
  const narrow = text.normalize("NFKC").replace(/\s/g, "");
  const plain = /^\d{1,3}(,\d{3})+(\.\d+)?$/.test(narrow) ? narrow.replace(/,/g, "") : narrow;
  const found = /^(0|[1-9]\d{0,14})(?:\.(\d{0,2}))?$/.exec(plain);
  return found === null ? null : `${found[1] ?? ""}.${(found[2] ?? "").padEnd(2, "0")}`;
}

function whole(value: bigint): string {
  for (const [size, name] of [[10n ** 8n, "亿"], [10n ** 4n, "万"]] as const) {
    if (value >= size) {
      const low = value % size;
      return whole(value / size) + name + (low > 0n && low < size / 10n ? NOUGHT : "") + whole(low);
    }
  }
  let words = "";
  for (let place = 3; place >= 0; place -= 1) {
    const digit = Number((value / 10n ** BigInt(place)) % 10n);
    if (digit !== 0) words += (DIGITS[digit] ?? "") + (PLACES[place] ?? "");
    else if (words !== "" && !words.endsWith(NOUGHT)) words += NOUGHT;
  }
  return words.replace(/零+$/, "");
}

/** 1234567.89 becomes 壹佰贰拾叁万肆仟伍佰陆拾柒元捌角玖分. */
export function capital(amount: string): string {
  const [yuan = "0", cents = "00"] = amount.split(".");
  const jiao = Number(cents[0]);
  const fen = Number(cents[1]);
  const words = whole(BigInt(yuan));
  if (jiao === 0 && fen === 0) return `${words || NOUGHT}元整`;
  let text = words === "" ? "" : `${words}元`;
  if (jiao !== 0) text += `${DIGITS[jiao]}角`;
  else if (words !== "") text += NOUGHT;
  return text + (fen === 0 ? "" : `${DIGITS[fen]}分`);
}
