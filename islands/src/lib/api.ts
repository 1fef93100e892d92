// The node's interface as the islands use it 接口调用.

export interface Told {
  zh: string;
  en: string;
}

interface ProblemBody {
  code?: string;
  title?: string;
  messages?: Told;
  clause?: string;
  errors?: { pointer?: string; message?: Told; rule?: string; clause?: string }[];
}

/** The node said no, in both languages, with the place where it can. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: ProblemBody,
  ) {
    super(problem.code ?? String(status));
  }

  sentence(lang: "zh" | "en"): string {
    const said = this.problem.messages?.[lang] ?? this.problem.title ?? String(this.status);
    return this.problem.clause ? `${said} (${this.problem.clause})` : said;
  }
}

/** The node could not be reached, or said that it can't now: the same call may be made again. */
export class Unreachable extends Error {}

const TRY_AGAIN = new Set([408, 429, 502, 503, 504]);

export async function call(method: string, path: string, csrf: string, body?: BodyInit, headers: HeadersInit = {}): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: { Accept: "application/json", "X-CSRF-Token": csrf, ...headers },
      credentials: "same-origin",
      cache: "no-store",
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    throw new Unreachable(String(error));
  }
  if (answer.ok) return answer.json();
  if (TRY_AGAIN.has(answer.status)) throw new Unreachable(String(answer.status));
  let problem: ProblemBody = {};
  try {
    problem = (await answer.json()) as ProblemBody;
  } catch {
    // no body that says more
  }
  throw new Refused(answer.status, problem);
}

export function post(path: string, csrf: string, value: unknown): Promise<unknown> {
  return call("POST", path, csrf, JSON.stringify(value), { "Content-Type": "application/json" });
}

const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Makes a call that may be repeated until it gets through; waits longer each time, with chance in it. */
export async function insist<T>(act: () => Promise<T>, tries: number, onWait: () => void): Promise<T> {
  for (let round = 0; ; round += 1) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Unreachable) || round + 1 >= tries) throw error;
      onWait();
      await wait(Math.min(15_000, 500 * 2 ** round) * (0.5 + Math.random()));
    }
  }
}
