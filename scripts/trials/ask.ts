/** A part that does not answer by then is as good as dead. */
const REQUEST_MS = 10_000;

/** The JSON that is answered with status 200; undefined for everything else. */
export async function ask(url: string, method: string, body: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const init = { method, signal: AbortSignal.timeout(REQUEST_MS) };
  try {
    const response = await fetch(url, body === undefined ? init : { ...init, headers, body: JSON.stringify(body) });
    return response.status === 200 ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/** What is answered, whatever the status; undefined if nothing is. */
export async function get(url: string): Promise<{ status: number; text: string } | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_MS) });
    return { status: response.status, text: await response.text() };
  } catch {
    return undefined;
  }
}
