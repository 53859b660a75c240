import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { WORKLOAD_KINDS } from '../model/workload-kind.ts';
import { withRestartGuide } from './restart-guide.ts';

const DOCUMENT = readFileSync(fileURLToPath(new URL('../../docs/restarts.md', import.meta.url)), 'utf8');

describe('withRestartGuide()', () => {
  it('changes nothing in a document that is current', () => {
    expect(withRestartGuide(DOCUMENT)).toBe(DOCUMENT);
  });

  it('writes anew what is between the marks, and nothing else', () => {
    const stale = DOCUMENT.replace('| KServe InferenceService |', '| A stale row |');
    expect(stale).not.toBe(DOCUMENT);
    expect(withRestartGuide(stale)).toBe(DOCUMENT);
    expect(withRestartGuide(DOCUMENT.replace('# Restarts', '# Other words'))).toMatch(/^# Other words/);
  });

  it.each(['begin -->\n', '<!-- end -->'])('throws for a document without "%s"', (mark) => {
    expect(() => withRestartGuide(DOCUMENT.replace(mark, ''))).toThrow('Cannot write the table of workloads');
  });

  it.each(WORKLOAD_KINDS.map(({ name }) => name))('has a row and commands for %s', (name) => {
    expect(DOCUMENT).toContain(`\n| ${name} |`);
    expect(DOCUMENT).toContain(`\n${name}:\n\n\`\`\`\n`);
  });
});
