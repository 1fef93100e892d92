// Keys of custodians 保管密钥: one X25519 key for each tender, made here; its public half stands in the notice, and the
// shares of every bid are encrypted to it. It stays on this device until the opening.
import { lock, unlock, Unreadable, type Locked } from "./locked";
import { newSecret, recipientOf, secretText } from "./split";
import { settled, shelf } from "./store";
import { utf8 } from "./text";

export interface Custody {
  recipient: string;
  party: string;
  secret: string;
  note: string;
  at: number;
}

const TYPE = "tradehall-custody-backup";

interface Backup extends Locked {
  type: typeof TYPE;
  version: 1;
  recipient: string;
}

export async function custodies(party: string): Promise<Custody[]> {
  const all: Custody[] = await settled((await shelf("custody", "readonly")).getAll());
  return all.filter((one) => one.party === party).sort((a, b) => b.at - a.at);
}

export async function keepCustody(one: Custody): Promise<void> {
  await settled((await shelf("custody", "readwrite")).put(one));
}

export function newCustody(party: string, note: string, at: number): Custody {
  const secret = newSecret();
  return { recipient: recipientOf(secret), party, secret: secretText(secret), note, at };
}

export async function custodyBackup(one: Custody, passphrase: string): Promise<string> {
  const file: Backup = {
    type: TYPE,
    version: 1,
    recipient: one.recipient,
    ...(await lock(utf8(JSON.stringify(one)), passphrase, `${TYPE}/1\n${one.recipient}`)),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

export async function custodyFromBackup(text: string, passphrase: string): Promise<Custody> {
  try {
    const file = JSON.parse(text) as Backup;
    if (file.type !== TYPE) throw new Unreadable("type");
    const raw = await unlock(file, passphrase, `${TYPE}/1\n${file.recipient}`);
    return JSON.parse(new TextDecoder().decode(raw)) as Custody;
  } catch (error) {
    throw error instanceof Unreadable ? error : new Unreadable(String(error));
  }
}
