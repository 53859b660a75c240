import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EndedTooSoon, type SupervisedOptions, SupervisedProcess } from './supervised-process.ts';

const IPC_CALLS = new URL('./ipc-calls.ts', import.meta.url).href;
/** Answers what it is asked for, and does to itself what the call says. */
const PROGRAM = `
import { closeSync, openSync } from 'node:fs';
import { IpcCalls } from ${JSON.stringify(IPC_CALLS)};
// What V8 says of memory that it cannot have would be taken for the end of the test's own worker.
closeSync(2);
openSync('/dev/null', 'w');
process.once('disconnect', () => process.exit());
const held = [];
new IpcCalls(process, {
  ping: () => undefined,
  double: (number) => 2 * number,
  refuse: () => { throw new Error('I will not'); },
  die: () => process.kill(process.pid, 'SIGKILL'),
  hang: () => { for (;;); },
  fill: (mb) => { for (let at = 0; at < mb; at += 1) held.push(Buffer.alloc(1024 * 1024, 1)); },
  never: () => new Promise(() => {}),
});`;

let folder: string;
let notified: string[];
let supervised: SupervisedProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-supervised-'));
  notified = [];
});

afterEach(async () => {
  await supervised?.stop(() => Promise.resolve(), 0);
  supervised = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function start(options: Partial<SupervisedOptions> = {}): Promise<SupervisedProcess> {
  const program = join(folder, 'program.mjs');
  await writeFile(program, PROGRAM);
  supervised = await SupervisedProcess.start({
    program,
    nodeOptions: [],
    memoryMb: 1500,
    handlers: {},
    prepare: async (calls) => void (await calls.call('double', 1)),
    onExit: ({ reason }) => void notified.push(reason),
    onRestart: ({ error }) => void notified.push(error?.message ?? 'again'),
    firstBackoffMs: 10,
    ...options,
  });
  return supervised;
}

test('call() answers, and rejects with the error of the other side', async () => {
  const process = await start();
  expect(await process.call('double', 21)).toBe(42);
  await expect(process.call('refuse')).rejects.toThrow('I will not');
  expect(notified).toEqual([]);
});

test('a process that dies is started again, and a call meanwhile is answered by the next one', async () => {
  const process = await start();
  const { pid } = process;
  process.notify('die');
  const answers = [await process.call('double', 1), await process.call('double', 2)];
  expect(answers).toEqual([2, 4]);
  expect(process.pid).not.toBe(pid);
  expect(notified).toEqual(['it ended with SIGKILL', 'again']);
});

test('a process that is silent is killed and started again', async () => {
  const process = await start({ silentMs: 1000 });
  const { pid } = process;
  process.notify('hang');
  expect(await process.call('double', 2)).toBe(4);
  expect(process.pid).not.toBe(pid);
  expect(notified).toEqual(['it did not answer for 1 s', 'again']);
});

test('memory beyond the limit is denied by the system, whatever becomes of the process', async () => {
  const process = await start({ memoryMb: 1000 });
  const peakMb = async (): Promise<number> => {
    const status = await readFile(`/proc/${process.pid}/status`, 'utf8').catch(() => '');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  };
  const peaks: number[] = [];
  process.notify('fill', 5000);
  while (notified.length === 0) peaks.push(await peakMb());
  expect(Math.max(...peaks)).toBeLessThan(1000);
  expect(await process.call('double', 3)).toBe(6);
});

test('start() rejects with the reason, and nothing is left running, where the first cannot be prepared', async () => {
  const denied = start({ prepare: async (calls) => void (await calls.call('refuse')) });
  await expect(denied).rejects.toThrow('I will not');
  const dead = start({ prepare: async (calls) => void (await calls.call('die')) });
  await expect(dead).rejects.toThrow(EndedTooSoon);
  expect(notified).toEqual(['it ended with SIGKILL']);
});

test('stop() ends a process that does not end itself, after the grace', async () => {
  const process = await start();
  const { pid = 0 } = process;
  await process.stop((calls) => calls.call('never'), 300);
  await expect(readFile(`/proc/${pid}/status`)).rejects.toThrow('ENOENT');
  expect(notified).toEqual([]);
  await expect(process.call('double', 1)).rejects.toThrow('stopped');
});
