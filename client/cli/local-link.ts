/** Said where a link that was made for others leads to the machine it is opened on. */
export const LOCAL_LINK_WARNING =
  "It opens on this machine only: volunteers elsewhere need a coordinator that was started with --public-url https://… (docs/OPERATING.md).";

/**
 * Whether a link names the machine itself, whichever that is: then nobody elsewhere can follow it.
 *
 * @example
 * opensHereOnly("http://127.0.0.1:8787/join/c-abc"); // true
 */
export function opensHereOnly(link: string): boolean {
  const { hostname } = new URL(link);
  return /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]+\])$/i.test(
    hostname,
  );
}
