// Bids of this device 本机投标: what has to be kept to follow a bid to its opening. The keys stay here; nobody else has them.
import type { Terms } from "./seal";
import { lock, unlock, Unreadable, type Locked } from "./locked";
import { settled, shelf } from "./store";
import { utf8 } from "./text";

export interface Receipt {
  receipt: { record: string; accepted_at: string };
}

export interface Bid {
  submission: string;
  case: string;
  lot: string;
  party: string;
  commitment: Record<string, unknown>;
  secretKey: string;
  bidKey: string;
  sha256: string;
  size: number;
  price: string;
  at: number;
  terms: Terms;
  receipts: Partial<Record<string, Receipt>>;
  replaces: string | null;
  replacedBy: string | null;
}

const TYPE = "tradehall-bid-backup";

interface Backup extends Locked {
  type: typeof TYPE;
  version: 1;
  submission: string;
}

export async function bidsOf(tender: string, party: string): Promise<Bid[]> {
  const all: Bid[] = await settled((await shelf("bids", "readonly")).getAll());
  return all.filter((bid) => bid.case === tender && bid.party === party).sort((a, b) => b.at - a.at);
}

export async function bid(submission: string): Promise<Bid | undefined> {
  return settled((await shelf("bids", "readonly")).get(submission));
}

export async function keepBid(one: Bid): Promise<void> {
  await settled((await shelf("bids", "readwrite")).put(one));
}

export async function bidBackup(one: Bid, passphrase: string): Promise<string> {
  const file: Backup = {
    type: TYPE,
    version: 1,
    submission: one.submission,
    ...(await lock(utf8(JSON.stringify(one)), passphrase, `${TYPE}/1\n${one.submission}`)),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

export async function bidFromBackup(text: string, passphrase: string): Promise<Bid> {
  try {
    const file = JSON.parse(text) as Backup;
    if (file.type !== TYPE) throw new Unreadable("type");
    const raw = await unlock(file, passphrase, `${TYPE}/1\n${file.submission}`);
    return JSON.parse(new TextDecoder().decode(raw)) as Bid;
  } catch (error) {
    throw error instanceof Unreadable ? error : new Unreadable(String(error));
  }
}
