// Entry point of the process that runs one query over a copy of rows. In: an IsolatedQuery as a line of JSON. Out: the answer
// in a file, and bytes that say how far it is. All that needs no query is done before one comes.
import { writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { basename, dirname } from 'node:path';
import { type QueriedStore, runQuery, writeQuery } from '../query/run-query.ts';
import { attachCopy, prepareReader } from '../store/duckdb/copy-reader.ts';
import { ANSWERED, BEGUN, type IsolatedQuery, REJECTED } from './isolated-query-wire.ts';

/** Rows are stored before questions are answered, and where memory ends this process goes. */
const PRIORITY = 10;
const FIRST_TO_GO = '1000';
const MEMORY_MB = 192;
const STDOUT = 1;
/** What runs for the first time takes several times as long. A page of rows, with a value of each type that a log has. */
const LIKE_A_QUERY = `
  SELECT name, count(*) AS n, max(at) AS at, any_value({'name': name, 'n': range}) AS event, any_value([name]) AS names,
    COLUMNS('range|text') FROM (
    SELECT range, 'name ' || range AS name, now() - to_seconds(range) AS at, name AS text, name AS text2, name AS text3, name AS text4, name AS text5
    FROM range(200)) AS likely
  WHERE at >= now() - INTERVAL 24 HOURS AND name LIKE '%name%' GROUP BY ALL ORDER BY at DESC LIMIT 100`;

setPriority(PRIORITY);
await writeFile('/proc/self/oom_score_adj', FIRST_TO_GO).catch(() => undefined);
const asked = readLine();
const connection = await prepareReader(MEMORY_MB);
const store: QueriedStore = { closing: false, withReader: (work) => work(connection) };
await runQuery(store, LIKE_A_QUERY);
const {
  database,
  sql,
  maxRows,
  timeLimitMs,
  format,
  answer: path,
} = JSON.parse(await asked) as IsolatedQuery;
writeSync(STDOUT, BEGUN);
// SQL can ask for the path.
process.chdir(dirname(database));
await attachCopy(connection, basename(database));
const options = { timeLimitMs, ...(maxRows === undefined ? {} : { maxRows }) };
const answer =
  format === 'json'
    ? await runQuery(store, sql, options)
    : await writeQuery(store, sql, { ...options, path: basename(path) });
const isError = 'error' in answer;
if (isError || format === 'json') await writeFile(basename(path), JSON.stringify(answer));
writeSync(STDOUT, isError ? REJECTED : ANSWERED);
end();

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
    .once('close', end);
  return promise;
}

/** At once, whatever a thread of DuckDB is at. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}
