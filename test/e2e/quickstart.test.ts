// The quickstart does what it shows: every answer as expected, and an exit status that says so.
import { Command, ROOT } from './command-line.ts';

test('the quickstart ends with status 0, and every row of its table is as it should be', async () => {
  const { status, stdout, stderr } = await new Command(process.execPath, [
    `${ROOT}examples/quickstart/main.ts`,
  ]).ended();
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/\nAll as it should be\.\n$/);
  expect(stdout).not.toContain('not in the log');
  const rows = stdout
    .split('\n')
    .filter((line) => /^(?:fraud-models|analytics|sandbox)\/[A-Z_]+ /.test(line));
  expect(rows.length).toBeGreaterThanOrEqual(18);
  expect(stdout.match(/ admitted, 200 /g)).toHaveLength(2);
  expect(stdout.match(/ denied, 403 /g)).toHaveLength(2);
  expect(stdout).toMatch(/ DENY +analytics +127\.0\.3\.3 .* IN_BLOCK_LIST +lab +127\.0\.3\.3/);
});
