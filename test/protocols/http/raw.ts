import { connect } from 'node:net';

/** What came back over a connection until it was closed. */
export interface RawAnswer {
  readonly text: string;
  /** Status of the first answer, 0 if there was none. */
  readonly status: number;
  /** Body of the first answer, parsed if it is JSON. */
  readonly json: unknown;
}

/** Writes `text` as it is and reads until the server closes. `linger` keeps our side open: the server has to end it. */
export async function raw(port: number, text: string, { linger = true } = {}): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('utf8');
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk));
  socket.on('error', () => {});
  if (linger) socket.write(text);
  else socket.end(text);
  await new Promise((resolve) => socket.once('close', resolve));
  const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(answer)?.[1] ?? 0);
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4).slice(0, length);
  return {
    text: answer,
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0),
    json: body.startsWith('{') ? JSON.parse(body) : undefined,
  };
}

/** The head of a request with these lines below the standing ones. */
export function head(requestLine: string, ...lines: string[]): string {
  return [`${requestLine} HTTP/1.1`, 'host: localhost', ...lines, '', ''].join('\r\n');
}
