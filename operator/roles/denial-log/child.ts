// Entry point of the denial log's process. It has no options: its parent configures it by calls, and it ends with its
// parent.
import { type CallHandlers, IpcCalls, type IpcPort } from '../../lib/ipc-calls.ts';
import type { OpenRequest, PlanChange, TableChange } from './calls.ts';
import { DenialLogService } from './service.ts';

// Ctrl-C reaches the whole group; the parent decides when the log ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// At once, also during a query: the next process needs the file, and DuckDB's files survive it.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const handlers: CallHandlers = {
  ping: () => undefined,
  open: (argument) => service.open(argument as OpenRequest),
  tables: (argument) => service.tables(argument as TableChange),
  plans: (argument) => service.plans(argument as PlanChange),
  follow: () => service.follow(),
  drain: () => service.drain(),
  stop: () => service.stop(),
};
const parent: IpcPort = {
  send: (message, callback) => process.send?.(message, undefined, undefined, callback) ?? false,
  on: (event, listener) => process.on(event, listener),
  once: (event, listener) => process.once(event, listener),
};
const service = new DenialLogService(new IpcCalls(parent, handlers));
