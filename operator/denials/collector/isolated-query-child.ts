// Entry point of the process that runs one query over a copy of rows. In: an IsolatedQuery as a line of JSON. Out: a byte when
// it was read, the answer in a file, and an exit code that says whether it is one. All that needs no query is done before.
import { writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { basename, dirname } from 'node:path';
import { type QueriedStore, runQuery, writeQuery } from '../query/run-query.ts';
import { attachCopy, prepareReader } from '../store/duckdb/copy-reader.ts';
import { ANSWERED, type IsolatedQuery, REJECTED } from './isolated-query-wire.ts';

/** Rows are stored before questions are answered, and where memory ends this process goes. */
const PRIORITY = 10;
const FIRST_TO_GO = '1000';
const MEMORY_MB = 192;
const STDOUT = 1;

setPriority(PRIORITY);
await writeFile('/proc/self/oom_score_adj', FIRST_TO_GO).catch(() => undefined);
const asked = readLine();
const connection = await prepareReader(MEMORY_MB);
const {
  database,
  sql,
  maxRows,
  timeLimitMs,
  format,
  answer: path,
} = JSON.parse(await asked) as IsolatedQuery;
writeSync(STDOUT, '.');
// SQL can ask for the path.
process.chdir(dirname(database));
await attachCopy(connection, basename(database));
const store: QueriedStore = { closing: false, withReader: (work) => work(connection) };
const options = { timeLimitMs, ...(maxRows === undefined ? {} : { maxRows }) };
const answer =
  format === 'json'
    ? await runQuery(store, sql, options)
    : await writeQuery(store, sql, { ...options, path: basename(path) });
const isError = 'error' in answer;
if (isError || format === 'json') await writeFile(basename(path), JSON.stringify(answer));
process.exit(isError ? REJECTED : ANSWERED);

/** Ends the process where its parent ends, also later. */
function readLine(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = '';
  process.stdin
    .setEncoding('utf8')
    .on('data', (part: string) => {
      text += part;
      if (text.endsWith('\n')) resolve(text);
    })
    // At once, whatever a thread of DuckDB is at.
    .once('close', () => process.kill(process.pid, 'SIGKILL'));
  return promise;
}
