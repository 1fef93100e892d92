// What this browser keeps 本机存储: one small database, keys and bids beside each other.

const NAME = "tradehall";
const VERSION = 1;

export function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB"));
  });
}

export async function shelf(name: "keys" | "bids" | "custody", mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const opening = indexedDB.open(NAME, VERSION);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore("keys", { keyPath: ["party", "kid"] });
    opening.result.createObjectStore("bids", { keyPath: "submission" });
    opening.result.createObjectStore("custody", { keyPath: "recipient" });
  };
  const database = await settled(opening);
  const transaction = database.transaction(name, mode);
  transaction.oncomplete = () => database.close();
  transaction.onabort = () => database.close();
  return transaction.objectStore(name);
}
