import { connect } from 'node:net';

/** What came back over a connection. */
export interface RawAnswer {
  readonly text: string;
  /** Status of the first answer, 0 if there was none. */
  readonly status: number;
  /** Body of the first answer, parsed if it is JSON. */
  readonly json: unknown;
}

/**
 * Writes `text` as it is, leaves its own side open, and reads the first answer, or with `all` what comes until the server
 * closes.
 */
export async function raw(port: number, text: string, { all = false } = {}): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('utf8');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
    if (!all && read(answer)) socket.destroy();
  });
  socket.on('error', () => {});
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  return read(answer) ?? { text: answer, status: 0, json: undefined };
}

/** The first answer in `text`, if it is whole. */
function read(text: string): RawAnswer | undefined {
  const [, status, length] = /^HTTP\/1\.1 (\d+)(?:.*\r\n)+?content-length: (\d+)\r\n/i.exec(text) ?? [];
  const start = text.indexOf('\r\n\r\n') + 4;
  const body = text.slice(start, start + Number(length));
  if (status === undefined || start < 4 || body.length < Number(length)) return undefined;
  return { text, status: Number(status), json: body.startsWith('{') ? JSON.parse(body) : undefined };
}

/** The head of a request with these lines below the standing ones. */
export function head(requestLine: string, ...lines: string[]): string {
  return [`${requestLine} HTTP/1.1`, 'host: localhost', ...lines, '', ''].join('\r\n');
}
