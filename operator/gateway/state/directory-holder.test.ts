import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeldByAnother, holdDirectory } from './directory-holder.ts';

const HOLDER = new URL('./directory-holder.ts', import.meta.url).href;

let folder: string;
let path: string;
let others: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-holder-'));
  path = join(folder, 'holder.json');
  others = [];
});

afterEach(async () => {
  for (const other of others) other.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Another process that asks for the directory; resolves to what it says. */
async function askFromAnother(): Promise<{ readonly other: ChildProcess; readonly said: string }> {
  const program = `
    const { holdDirectory } = await import(${JSON.stringify(HOLDER)});
    await holdDirectory(${JSON.stringify(path)}).then(
      () => { process.stdout.write('held'); setInterval(() => undefined, 1000); },
      (error) => process.stdout.write(error.message),
    );`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  others.push(other);
  const [said] = (await once(other.stdout, 'data')) as [Buffer];
  return { other, said: said.toString() };
}

test('holdDirectory() rejects a second process, and names the first', async () => {
  const release = await holdDirectory(path);
  expect((await askFromAnother()).said).toBe(`process ${process.pid} uses it; end that process`);
  await release();
  expect((await askFromAnother()).said).toBe('held');
  expect(await readdir(folder)).toEqual(['holder.json']);
});

test('holdDirectory() takes what a killed process had, and what is no holder', async () => {
  const { other, said } = await askFromAnother();
  expect(said).toBe('held');
  await expect(holdDirectory(path)).rejects.toThrow(HeldByAnother);
  other.kill('SIGKILL');
  await once(other, 'exit');
  await (await holdDirectory(path))();
  await writeFile(path, 'not JSON');
  await (await holdDirectory(path))();
  expect(await readdir(folder)).toEqual([]);
});

test('holdDirectory() respects the file of a former release, as long as its process runs', async () => {
  const { other } = await askFromAnother();
  const identity = await readlink(path);
  await rm(path);
  await writeFile(path, identity);
  await expect(holdDirectory(path)).rejects.toThrow(`process ${other.pid} uses it; end that process`);
  other.kill('SIGKILL');
  await once(other, 'exit');
  await (await holdDirectory(path))();
  expect(await readdir(folder)).toEqual([]);
});

test('holdDirectory() admits one of several that ask at the same time', async () => {
  const answers = await Promise.all([askFromAnother(), askFromAnother(), askFromAnother()]);
  expect(answers.filter(({ said }) => said === 'held')).toHaveLength(1);
});
