import { Writable } from 'node:stream';
import { sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import { policyManifest, readSnapshot, workspaceManifest } from '../../../test/fixtures/object-fixture.ts';
import { compileSnapshot } from '../../compile/plans.ts';
import { endpointsOf, productListeners } from '../../gateway/ports/product-listeners.ts';
import type { Denial } from '../../model/denial.ts';
import { terminalView } from './view.ts';

/** A stream that is no terminal and keeps what is written. */
class Kept extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function viewOf() {
  const out = new Kept();
  const errors = new Kept();
  const view = terminalView(
    out as unknown as NodeJS.WriteStream,
    errors as unknown as NodeJS.WriteStream,
    'hack/sallyport denials',
  );
  return { view, out, errors };
}

function shownOf(denial: Partial<Denial>): string {
  const { view, out } = viewOf();
  view.denials({ denials: [sampleDenial(0, { reason: 'DESTINATION_NOT_ALLOWED', ...denial })], further: 0 });
  return out.text;
}

test('workspaces() names a workspace once, with a row per product and how each goes out', () => {
  const access = { policyEnforcement: { mlBuildEnforcement: 'EXEMPT' } };
  const compiled = readSnapshot(workspaceManifest('alpha'), policyManifest('default-policy', access));
  const { plans } = compileSnapshot(compiled);
  const { view, out } = viewOf();
  view.workspaces(plans, endpointsOf(plans, productListeners(plans, { 'alpha/DBSQL': 10_008 }, '127.0.0.1')));
  const [, head, first = '', ...rows] = out.text.split('\n');
  expect(head).toMatch(/^WORKSPACE +ID +POLICY +ENFORCEMENT +PRODUCT +LANE +PROXY$/);
  expect(first).toMatch(
    /^alpha +id-alpha +default-policy +enforced +DBSQL +enforced +http:\/\/127\.0\.0\.1:10008$/,
  );
  expect(rows).toContainEqual(expect.stringMatching(/^ +ML_BUILD +full +direct$/));
  expect(rows).toContainEqual(expect.stringMatching(/^ +JOBS +enforced +none$/));
});

test('workspaces() says what is missing where there are none', () => {
  const { view, out } = viewOf();
  view.workspaces([], { workspaces: [] });
  expect(out.text).toBe(
    '\nNo workspaces: put a Namespace with label "sallyport.dev/workspace" into the folder\n',
  );
});

test('problems() and failure() say what they are, each to its stream, without colours for a file', () => {
  const { view, out, errors } = viewOf();
  view.problems([{ reason: 'InvalidValue', message: 'Cannot do this', file: 'a.yaml', line: 3 }], []);
  view.failure('Envoy is gone');
  expect(out.text).toBe('Problem  a.yaml:3: Cannot do this\n');
  expect(errors.text).toBe('Failure  Envoy is gone\n');
});

test('denials() shows when, what, who, where to, why, and what decided', () => {
  const rule = 'blockedInternetDestinations "*.example.com" of NetworkPolicy/strict';
  expect(shownOf({ rule, sni: 'other.example.com' })).toBe(
    `00:00:00.000  DROP            team-a/JOBS  host-0.example.com:443  DESTINATION_NOT_ALLOWED  ${rule}, SNI other.example.com\n`,
  );
  expect(shownOf({ accessType: 'DRY_RUN_DENIAL', port: null })).toBe(
    '00:00:00.000  DRY_RUN_DENIAL  team-a/JOBS  host-0.example.com  DESTINATION_NOT_ALLOWED\n',
  );
});

test('denials() lets no control character of a name reach the terminal', () => {
  const hostile = 'a\u001b[2J\n\u009b\u202eb';
  const text = shownOf({ destination: hostile, sni: hostile });
  expect(text).toContain('a?[2J???b:443');
  expect(text.slice(0, -1)).toMatch(/^[\x20-\x7e]+$/);
});

test('denials() says how many it does not show', () => {
  const { view, out } = viewOf();
  view.denials({ denials: [], further: 480 });
  expect(out.text).toBe('480 further denials in this second, to be seen with: hack/sallyport denials\n');
});
