// 严格解析 Strict JSON, and the canonical form (RFC 8785) that signatures and digests are made over.
//
// Refused: floats, exponents, -0, whole numbers beyond 2^53-1, a name twice, names that are not ASCII, lone surrogates,
// deep nesting, and every spelling but the canonical one. Objects come back without a prototype, so that no name means
// anything but itself.

import { textOf, utf8 } from "./bytes.mjs";
import { Malformed, shape } from "./faults.mjs";

const MAX_DEPTH = 200;
const NUMBER = /-?(?:0|[1-9][0-9]*)/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const WORDS = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  space() {
    while (" \t\n\r".includes(this.text[this.at] || "x")) this.at++;
    return this.text[this.at];
  }

  take(character) {
    shape(this.space() === character, `${character} expected at ${this.at}`);
    this.at++;
  }

  match(pattern, what) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    shape(found, `not ${what} at ${this.at}`);
    this.at = pattern.lastIndex;
    return found[0];
  }

  value(depth) {
    shape(depth < MAX_DEPTH, "nested too deeply");
    const first = this.space();
    if (first === "{") return this.object(depth + 1);
    if (first === "[") return this.list(depth + 1);
    if (first === '"') return this.string();
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  number() {
    const literal = this.match(NUMBER, "a value");
    shape(!/[.eE0-9]/.test(this.text[this.at] ?? ""), `not an integer: ${literal}`);
    const value = Number(literal);
    shape(Number.isSafeInteger(value) && literal !== "-0" && literal.length <= 17, "not an integer within 2^53-1");
    return value;
  }

  string() {
    const value = JSON.parse(this.match(STRING, "a string"));
    shape(!LONE.test(value), "a lone surrogate");
    return value;
  }

  list(depth) {
    const items = [];
    this.take("[");
    if (this.space() !== "]") {
      do items.push(this.value(depth));
      while (this.more());
    }
    this.take("]");
    return items;
  }

  object(depth) {
    const members = Object.create(null);
    this.take("{");
    if (this.space() !== "}") {
      do {
        this.space();
        const name = this.string();
        shape(!(name in members) && /^[\x00-\x7f]*$/.test(name), `the name ${name.slice(0, 40)}`);
        this.take(":");
        members[name] = this.value(depth);
      } while (this.more());
    }
    this.take("}");
    return members;
  }

  more() {
    if (this.space() !== ",") return false;
    this.at++;
    return true;
  }
}

/** Returns strict JSON of whatever spacing and order; `Malformed` for anything else. */
export function parseStrict(bytes) {
  const reader = new Reader(textOf(bytes));
  const value = reader.value(0);
  shape(reader.space() === undefined, `something follows at ${reader.at}`);
  return value;
}

/** Returns canonical JSON; anything else, such as a second spelling of the same value, is `Malformed`. */
export function parse(bytes) {
  const value = parseStrict(bytes);
  shape(canonicalText(value) === textOf(bytes), "not in canonical form");
  return value;
}

/** Returns the canonical text of a value. */
export function canonicalText(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const names = Object.keys(value).sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalText(value[name])}`).join(",")}}`;
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Malformed("not an integer");
  shape(value !== undefined, "a member is missing");
  return JSON.stringify(value);
}

/** Returns the canonical bytes of a value. */
export function canonical(value) {
  return utf8(canonicalText(value));
}

/** Tells whether two JSON values are the same; a value that is missing equals only another that is. */
export function equal(a, b) {
  if (a === undefined || b === undefined) return a === b;
  return canonicalText(a) === canonicalText(b);
}

// --- members: what must be there is, and is of its kind ---------------------------------------------------------

/** Returns a member that must be there. */
export function member(value, name) {
  shape(isObject(value) && name in value, `no member ${name}`);
  return value[name];
}

/** Returns a member that may be absent. */
export function optional(value, name, otherwise = undefined) {
  shape(isObject(value), `no object with ${name}`);
  return name in value ? value[name] : otherwise;
}

/** Returns a list that must be there. */
export function list(value, name) {
  const found = member(value, name);
  shape(Array.isArray(found), `${name} is not a list`);
  return found;
}

/** Returns a text that must be there. */
export function string(value, name) {
  const found = member(value, name);
  shape(typeof found === "string", `${name} is not a text`);
  return found;
}

/** Returns a whole number that must be there. */
export function integer(value, name) {
  const found = member(value, name);
  shape(Number.isSafeInteger(found), `${name} is not a whole number`);
  return found;
}

/** Returns an object that must be there. */
export function object(value, name) {
  const found = member(value, name);
  shape(isObject(found), `${name} is not an object`);
  return found;
}

/** Tells whether a value is a JSON object. */
export function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Returns some members of an object, those that it has. */
export function pick(value, names) {
  return Object.fromEntries(names.filter((name) => name in value).map((name) => [name, value[name]]));
}
