import { spawnSync } from 'node:child_process';
import { commandLines } from './command-lines.ts';

test.each([
  [['echo stopped', 'echo gone', 'echo started'], 0, 'stopped\ngone\nstarted\n'],
  [['echo stopped', 'false', 'echo started'], 1, 'stopped\n'],
  [['false', 'echo gone', 'echo started'], 1, ''],
  [['echo alone'], 0, 'alone\n'],
  [[], 0, ''],
])('commandLines() of %j: a shell goes no further than the first that fails', (commands, status, stdout) => {
  const lines = commandLines(commands);
  for (const text of [lines.join('\n'), lines.join(' ')])
    expect(spawnSync('sh', ['-c', text], { encoding: 'utf8' })).toMatchObject({ status, stdout });
});
