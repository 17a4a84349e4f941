const PATH = /^\/[\x21-\x7e]*$/;
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** [RFC 9113 §8.2.1] without a space at either end */
const VALUE = /^(?![\t ])[\t\x20-\x7e\x80-\xff]*(?<![\t ])$/;

/** @throws TypeError if a request holds what must not stand in a header */
export function checkRequest(path: string, headers: Readonly<Record<string, string>>): void {
  if (!PATH.test(path)) throw new TypeError(':path does not begin with / or holds what must not stand in a path');
  for (const name in headers) {
    if (!NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a header`);
    if (!VALUE.test(headers[name] ?? '')) throw new TypeError(`${name} holds what must not stand in a header`);
  }
}
