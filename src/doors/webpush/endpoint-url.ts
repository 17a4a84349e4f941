/** Where an URL leads: to an endpoint of ours, to another server, or to nothing that can be pushed to. */
export type Destination =
  | { readonly kind: 'own'; readonly token: string }
  | { readonly kind: 'foreign'; readonly url: string; readonly host: string }
  | { readonly kind: 'none' };

/** Longest endpoint, in bytes. [unifiedpush.md §2.2] */
const URL_MAX = 1_000;
const NONE: Destination = { kind: 'none' };

/**
 * Reads an endpoint URL.
 * @param publicUrl what stands in front of every path of ours; what else lies below it is no endpoint, and nobody else's
 */
export function readEndpointUrl(text: string, publicUrl: string): Destination {
  if (Buffer.byteLength(text) > URL_MAX) return NONE;
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') return NONE;
  const ours = new URL(publicUrl);
  const base = ours.pathname.replace(/\/$/, '');
  if (url.origin !== ours.origin || !url.pathname.startsWith(`${base}/`)) {
    return { kind: 'foreign', url: url.href, host: url.host };
  }
  const path = url.pathname.slice(base.length);
  const [, token] = /^\/push\/([\w-]+)$/.exec(path) ?? [];
  if (token !== undefined) return { kind: 'own', token };
  const legacy = path === '/UP' || path === '/message' ? url.searchParams.getAll('token') : [];
  return legacy.length === 1 && legacy[0] !== undefined ? { kind: 'own', token: legacy[0] } : NONE;
}
