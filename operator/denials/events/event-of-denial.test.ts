import { sampleDenial } from '../../../test/fixtures/denial-fixture.ts';
import { sampleInbound } from '../../../test/fixtures/inbound-fixture.ts';
import type { Denial } from '../../model/denial.ts';
import type { Reason } from '../../model/reason.ts';
import { type DenialEvent, notedDenial, notedRequest } from './event-of-denial.ts';

function denied(reason: Reason, changes: Partial<Denial> = {}): Denial {
  return sampleDenial(0, { reason, policy: 'strict', destination: 'api.example', ...changes });
}

const eventOfDenial = (row: Denial): DenialEvent => notedDenial(row).event();

const SHORTEST = 'To allow it, add under allowedInternetDestinations: - destination: api.example';

describe('notedDenial()', () => {
  test('says destination, port, policy, reason, and the entry that would allow it', () => {
    expect(eventOfDenial(denied('DESTINATION_NOT_ALLOWED'))).toEqual({
      ...{ type: 'Warning', reason: 'EgressDenied', action: 'Deny' },
      note: `Denied: api.example:443. Policy "strict": DESTINATION_NOT_ALLOWED, no allowed destination matches. ${SHORTEST}`,
    });
  });

  test('says the rule, and in dry-run that the connection passes', () => {
    const rule = 'blockedInternetDestinations "*.example"';
    expect(eventOfDenial(denied('DESTINATION_BLOCKED', { accessType: 'DRY_RUN_DENIAL', rule }))).toEqual({
      ...{ type: 'Warning', reason: 'EgressWouldBeDenied', action: 'Log' },
      note: `Would be denied, and passes since the policy is in dry-run: api.example:443. Policy "strict", rule ${rule}: DESTINATION_BLOCKED, a blocked destination matches, and blocked destinations take precedence`,
    });
  });

  test('names another port in the entry', () => {
    const { note } = eventOfDenial(denied('PORT_NOT_ALLOWED', { port: 22 }));
    expect(note).toContain('- { destination: api.example, ports: [{ port: 22, protocol: TLS }] }');
  });

  test.each<[Reason, Partial<Denial>]>([
    ['DESTINATION_BLOCKED', {}],
    ['METADATA_ADDRESS', { destination: '169.254.169.254' }],
    ['ADDRESS_DENIED', {}],
    ['UNRESOLVED_OR_PRIVATE', {}],
    ['IP_LITERAL', { destination: '192.0.2.7' }],
    ['INTERNET_SEALED', {}],
    ['DESTINATION_NOT_ALLOWED', { destination: '*' }],
    ['DESTINATION_NOT_ALLOWED', { destination: 'a"\n- destination: "*' }],
  ])('has no entry for %s of %j', (reason, changes) => {
    const { note } = eventOfDenial(denied(reason, changes));
    expect(note).not.toContain('To allow it');
    expect(note).not.toContain('\n');
  });

  test('keeps within 1,024 bytes, whatever the name', () => {
    const destination = '\u0000\u{1f600}'.repeat(5000);
    const { note } = eventOfDenial(denied('BAD_NAME', { destination, rule: 'x'.repeat(2000) }));
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
  });
});

test('notedRequest() has one series for all clients of a host, and says client, list and entry', () => {
  const [first, second] = [sampleInbound(7), sampleInbound(8)].map(notedRequest);
  expect(first?.key).toBe(second?.key);
  expect(first?.event()).toEqual({
    ...{ type: 'Warning', reason: 'IngressDenied', action: 'Deny' },
    note: 'Denied: a request from "192.0.2.7" to "a.example". IN_BLOCK_LIST, list "partners", entry "192.0.2.0/24". All such requests: sallyport denials --inbound',
  });
});
