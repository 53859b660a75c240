// What the process of the denial log runs. It has no options: its parent tells it everything, and when the parent is
// gone so is this.
import { type CallHandlers, IpcCalls, type IpcPort } from '../../lib/ipc-calls.ts';
import type { OpenRequest, TableChange } from './calls.ts';
import { DenialLogService } from './service.ts';

// Ctrl-C reaches the whole group, and it is the parent's to say when the log ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// At once, also in the middle of a query: the next process wants the file, and DuckDB's files bear it.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const handlers: CallHandlers = {
  ping: () => undefined,
  open: (argument) => service.open(argument as OpenRequest),
  tables: (argument) => service.tables(argument as TableChange),
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
