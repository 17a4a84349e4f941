import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { JournalReader, journalTo } from '../../scripts/trials/journal.ts';

test('a journal is read while it is written, and over a line that a kill left unfinished', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-journal-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'journal');
  const reader = new JournalReader(path);
  t.teardown(() => reader.close());
  const first = journalTo(path);
  first.received?.('w', JSON.stringify({ to: 't', data: { text: 'grüßt 😀' } }));
  t.deepEqual([...reader.read()], [['start'], ['in', 'w', { text: 'grüßt 😀' }]]);
  appendFileSync(path, '["out","w"');
  t.deepEqual([...reader.read()], []);
  journalTo(path).answered?.('w', undefined);
  t.deepEqual([...reader.read()], [['start'], ['out', 'w', null]]);
});
