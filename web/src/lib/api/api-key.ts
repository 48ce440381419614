/** The key of a service that is not bound to loopback, for as long as the tab is open. */

const STORAGE = "tumorscope-api-key";

export function setApiKey(key: string): void {
  sessionStorage.setItem(STORAGE, key.trim());
}

export function authorization(): Record<string, string> {
  const key = sessionStorage.getItem(STORAGE);
  return key ? { Authorization: `Bearer ${key}` } : {};
}
