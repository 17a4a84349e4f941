import { type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';

/** A larger answer is cut off, in bytes. */
const ANSWER_MAX_BYTES = 65_536;
/** [Fetch §2.2.3] Answers without a body, not even an empty one. */
const NULL_BODY = [204, 205, 304];

/**
 * `fetch` for small answers, without redirects, with an authority of one's own. The library's own one can not be given up
 * before its request is written without an error that nobody can catch.
 * @param ca PEM, instead of the authorities of the system
 */
export async function plainFetch(input: string | URL | Request, init: RequestInit, ca?: string): Promise<Response> {
  const { method, headers, body, signal } = init;
  const asked = new Request(input, filled({ method, headers, body }));
  const bytes = Buffer.from(await asked.arrayBuffer());
  const options = {
    method: asked.method,
    headers: { ...Object.fromEntries(asked.headers), 'content-length': bytes.length },
    ...filled({ ca, signal: signal ?? undefined }),
  };
  const { answer, text } = await exchange(asked.url, options, bytes);
  const fields = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  const { statusCode: status = 0 } = answer;
  return new Response(NULL_BODY.includes(status) ? null : text, { status, headers: fields });
}

function exchange(
  url: string,
  options: object,
  bytes: Uint8Array,
): Promise<{ readonly answer: IncomingMessage; readonly text: Buffer }> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('http:') ? overHttp : overHttps;
    const request = send(url, options, (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= ANSWER_MAX_BYTES) chunks.push(chunk);
        else request.destroy(new Error(`the answer is larger than ${ANSWER_MAX_BYTES} bytes`));
      });
      answer.on('error', reject); // among others, half an answer
      answer.on('end', () => resolve({ answer, text: Buffer.concat(chunks) }));
    });
    request.on('error', reject);
    request.end(bytes);
  });
}

type Filled<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function filled<T extends object>(fields: T): Filled<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Filled<T>;
}
