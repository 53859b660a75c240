// Names in other scripts (group U): one canonical form for policies and requests, and no bytes that are no letters.
import { helloFor } from '../outside/client-hello.ts';
import { type AttackCase, attack, denied } from './attack-case.ts';
import { everyWay } from './every-way.ts';
import { absolute, connect, entry, http, tls } from './senders.ts';

const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const ONLY_ASCII =
  'a host on the wire is ASCII: folding other scripts is for what people write, and clients do it themselves';

const RAW: readonly AttackCase[] = [
  ['U31b', 'U-label', 'bücher.example'],
  ['U32', 'full-width letter', '\uff45xample.com'],
  ['U33', 'ideographic full stop', 'example\u3002com'],
  ['U33b', 'full-width full stop', 'example\uff0ecom'],
  ['U35', 'Cyrillic letter', '\u0435xample.com'],
  ['U37', 'soft hyphen', 'exam\u00adple.com'],
  ['U37b', 'zero-width joiner', 'exam\u200dple.com'],
  ['U37c', 'override of the direction', '\u202eexample.com'],
].flatMap(([number = '', title = '', host = '']): readonly AttackCase[] => [
  attack(number, `${title}, by CONNECT`, connect(`${utf8(host)}:443`), {
    ...denied('BAD_REQUEST', {}, '400'),
    because: ONLY_ASCII,
  }),
  attack(number, `${title}, absolute`, absolute(`http://${utf8(host)}/`), {
    ...denied('BAD_REQUEST', {}, '400'),
    because: ONLY_ASCII,
  }),
  attack(number, `${title}, by Host`, http(utf8(host)), {
    ...denied('BAD_REQUEST', {}, '400'),
    because: ONLY_ASCII,
  }),
  attack(number, `${title}, by SNI`, tls(helloFor(utf8(host))), {
    ...denied('BAD_NAME', { port: 443 }, 'closed'),
    because: ONLY_ASCII,
  }),
]);

const ENTRIES: readonly AttackCase[] = [
  ['U36', 'entry xn--', 'xn--.example', 'Cannot accept'],
  ['U36', 'entry xn--a', 'xn--a.example', 'Cannot accept'],
  ['U36', 'entry that is punycode of ASCII', 'xn--example-.com', 'Cannot accept'],
  ['U36', 'entry with punycode of an upper-case letter', 'xn--bcher-Kva1.example.com.xn--', 'Cannot accept'],
  ['U37', 'entry with a override of the direction', '\u202eexample.com', 'Cannot accept'],
].map(([number = '', title = '', written = '', answer = '']) =>
  attack(number, title, entry(written), { verdict: 'R', answer }),
);

const ACCEPTED: readonly AttackCase[] = [
  ['U31', 'entry with a U-label', 'bücher.example'],
  ['U32', 'entry with a full-width letter', '\uff45xample.com'],
  ['U33', 'entry with an ideographic full stop', 'example\u3002com'],
].map(([number = '', title = '', written = '']) =>
  attack(number, title, entry(written), { verdict: 'A', answer: 'accepted' }),
);

export const UNICODE: readonly AttackCase[] = [
  ...everyWay({
    number: 'U31',
    title: 'A-label of an entry written as U-label',
    host: 'xn--bcher-kva.example',
    reaches: 'xn--bcher-kva.example',
  }),
  ...everyWay({
    number: 'U31c',
    title: 'A-label in upper case',
    host: 'XN--BCHER-KVA.example',
    reaches: 'xn--bcher-kva.example',
  }),
  ...everyWay({
    number: 'U31d',
    title: 'A-label under a wildcard',
    host: 'xn--bcher-kva.data.example.org',
    reaches: 'xn--bcher-kva.data.example.org',
  }),
  ...everyWay({
    number: 'U35b',
    title: 'A-label of the Cyrillic look-alike',
    host: 'xn--xample-2of.com',
    reason: 'DESTINATION_NOT_ALLOWED',
  }),
  ...everyWay({ number: 'U36', title: 'punycode of nothing', host: 'xn--.example.net', reason: 'BAD_NAME' }),
  ...RAW,
  ...ENTRIES,
  ...ACCEPTED,
];
