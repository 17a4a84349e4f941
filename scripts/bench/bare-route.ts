/**
 * What a program would do that only stores, in a process of its own: a route of fastify that writes each body into SQLite and
 * answers 201 after the commit. Requests that came together share a commit, as they do in the bridge, but on the main thread.
 */
import { DatabaseSync } from 'node:sqlite';
import { fastify } from 'fastify';

export interface BareRouteOptions {
  readonly database: string;
}

const { database } = JSON.parse(process.argv[2] ?? '{}') as BareRouteOptions;
const db = new DatabaseSync(database);
db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  CREATE TABLE push (id INTEGER PRIMARY KEY, token TEXT NOT NULL, body BLOB NOT NULL)`);
const begin = db.prepare('BEGIN');
const insert = db.prepare('INSERT INTO push (token, body) VALUES (?, ?)');
const commit = db.prepare('COMMIT');

interface Waiting {
  readonly token: string;
  readonly body: Buffer;
  readonly resolve: (id: number) => void;
}

let waiting: Waiting[] = [];

function store(token: string, body: Buffer): Promise<number> {
  if (waiting.length === 0) setImmediate(flush);
  return new Promise((resolve) => {
    waiting.push({ token, body, resolve });
  });
}

function flush(): void {
  const batch = waiting;
  waiting = [];
  begin.run();
  const ids = batch.map(({ token, body }) => Number(insert.run(token, body).lastInsertRowid));
  commit.run();
  for (const [place, { resolve }] of batch.entries()) resolve(ids[place] ?? 0);
}

const app = fastify({ logger: false });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
app.post<{ Params: { token: string }; Body: Buffer }>('/push/:token', async ({ params, body }, reply) => {
  const id = await store(params.token, body);
  return reply.code(201).header('location', `/message/${id}`).header('ttl', '60').send();
});
await app.listen({ host: '127.0.0.1', port: 0 });
const address = app.server.address();
process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
