import type { IdentityStore } from "../../participant/identity.ts";

const name = (key: string): string => `scour-identity/${key}`;

/** Identities in this tab's session storage: a reload stays the same participant, a new tab does not. */
export function sessionIdentities(): IdentityStore {
  return {
    load: (key) => {
      const text = sessionStorage.getItem(name(key));
      return Promise.resolve(text === null ? undefined : (JSON.parse(text) as unknown));
    },
    save: (key, identity) => {
      sessionStorage.setItem(name(key), JSON.stringify(identity));
      return Promise.resolve();
    },
    forget: (key) => {
      sessionStorage.removeItem(name(key));
      return Promise.resolve();
    },
  };
}
