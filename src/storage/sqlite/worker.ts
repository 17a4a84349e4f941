import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from './engine.ts';
import { troubleOf } from './errors.ts';
import { guarded, openDatabase } from './open.ts';
import type { Reply, Request, WorkerData } from './operations.ts';

/**
 * The thread that owns the database: it answers each batch after its commit. Of core it loads the seam alone, `ports.ts`:
 * the whole would be loaded a second time for it.
 */
const { path, limits, maxPages } = workerData as WorkerData;
const port = parentPort;
if (!port) throw new Error('this file runs as a worker thread');

const tell = (reply: Reply): void => port.postMessage(reply);

try {
  const db = openDatabase(path, maxPages);
  const engine = guarded(path, () => new Engine(db, limits));
  port.on('message', (request: Request) => {
    if (request.kind === 'batch') {
      tell({ kind: 'done', ...engine.run(request.calls, request.troubled) });
      return;
    }
    try {
      db.close();
      tell({ kind: 'closed', error: undefined });
    } catch (error) {
      tell({ kind: 'closed', error: troubleOf(error) });
    }
    port.close();
  });
  tell({ kind: 'opened', counts: engine.counts() });
} catch (error) {
  tell({ kind: 'refused', error: troubleOf(error) });
  port.close();
}
