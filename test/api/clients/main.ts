// `npm run test:api`: starts the REST API over a folder and runs official clients and schemathesis against it. In: the
// folders of the Python programs and of the SDK for Java, and a seed. The last line is "N passed, N failed"; the status is 1 where one failed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderStage } from '../../support/api/folder-stage.ts';

const [, , python = '', jars = '', seed = '13'] = process.argv;
const here = import.meta.dirname;

/** What the programs leave behind. */
const work = await mkdtemp(join(tmpdir(), 'sallyport-api-clients-'));
const stage = await FolderStage.start({ workspace: '1001' });
const environment = {
  PATH: process.env['PATH'],
  HOME: work,
  HOST: stage.origin,
  TOKEN: stage.rootToken,
  ACCOUNT: 'acme',
  WORKSPACE: '1001',
};

let passed = 0;
let failed = 0;

function count(isOk: boolean): void {
  if (isOk) passed += 1;
  else failed += 1;
}

/** A program that writes "ok …" or "failed …" for each of its tests. */
async function runClient(program: string, args: readonly string[]): Promise<void> {
  const { output, status } = await run(program, args);
  const lines = output.split('\n').filter((line) => /^(?:ok|failed) /.test(line));
  for (const line of lines) count(line.startsWith('ok '));
  if (status !== 0 && lines.every((line) => line.startsWith('ok '))) count(false);
}

async function runSchemathesis(): Promise<void> {
  const checks = ['not_a_server_error', 'status_code_conformance', 'content_type_conformance'];
  const further = ['response_schema_conformance', 'unsupported_method'];
  const { status } = await run(join(python, 'schemathesis'), [
    'run',
    `${stage.origin}/openapi.json`,
    '--header',
    `Authorization: Bearer ${stage.rootToken}`,
    '--checks',
    [...checks, ...further].join(','),
    '--seed',
    seed,
    '--max-examples',
    '60',
    '--generation-database',
    'none',
    '--no-color',
  ]);
  count(status === 0);
}

function run(
  program: string,
  args: readonly string[],
): Promise<{ readonly output: string; readonly status: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      cwd: work,
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      process.stdout.write(chunk);
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ output, status }));
  });
}

try {
  await runClient(join(python, 'python'), [join(here, 'sdk.py')]);
  await runClient(process.execPath, [join(here, 'sdk.mjs')]);
  if (existsSync(join(jars, 'complete')))
    await runClient('java', ['-cp', join(jars, '*'), join(here, 'java/Sdk.java')]);
  await runSchemathesis();
} finally {
  await stage.stop();
  await rm(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
