// Entry point of the process that runs one query over a copy of rows. In: an IsolatedQuery as JSON. Out: the answer in a file,
// and an exit code that says whether it is one.
import { writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { basename, dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { runQuery, writeQuery } from '../query/run-query.ts';
import { DenialStore } from '../store/duckdb/denial-store.ts';
import { ANSWERED, type IsolatedQuery, REJECTED } from './isolated-query.ts';

/** Rows are stored before questions are answered, and where memory ends this process goes. */
const PRIORITY = 10;
const FIRST_TO_GO = '1000';
const MEMORY_MB = 192;

setPriority(PRIORITY);
await writeFile('/proc/self/oom_score_adj', FIRST_TO_GO).catch(() => undefined);
const {
  database,
  sql,
  maxRows,
  timeLimitMs,
  format,
  answer: path,
} = JSON.parse(await text(process.stdin)) as IsolatedQuery;
// SQL can ask for the path.
process.chdir(dirname(database));
const store = await DenialStore.open(basename(database), { readOnly: true, memoryLimitMb: MEMORY_MB });
const options = { timeLimitMs, ...(maxRows === undefined ? {} : { maxRows }) };
const answer =
  format === 'json'
    ? await runQuery(store, sql, options)
    : await writeQuery(store, sql, { ...options, path: basename(path) });
const isError = 'error' in answer;
if (isError || format === 'json') await writeFile(basename(path), JSON.stringify(answer));
process.exit(isError ? REJECTED : ANSWERED);
