import type { Decision } from '../../compile/decide.ts';
import type { ClusterService } from '../../model/cluster-service.ts';
import { LANES, type Lane } from '../../model/lane.ts';
import { type AnsweredQuestion, answerQuestion, type DnsAnswer } from './answer-question.ts';
import type { ClusterNames } from './cluster-names.ts';
import { TYPE } from './dns-codes.ts';

const TXT = 16;
const HTTPS = 65;
const DENIED = { reason: 'DESTINATION_NOT_ALLOWED' } as const;
const SERVICES: Readonly<Record<string, ClusterService>> = {
  web: { kind: 'addressed', addresses: ['10.96.0.9'], ports: ['_https._tcp'] },
  peers: { kind: 'headless', ports: [] },
  alias: { kind: 'alias' },
};
const CLUSTER_NAMES: ClusterNames = {
  domain: 'cluster.local',
  findService: (namespace, service) => (namespace === 'lab' ? SERVICES[service] : undefined),
};

/** "allowed.example" is allowed, "169.254.169.254" is metadata, nothing else is listed. */
function decisionOf(lane: Lane, name: string): Decision {
  if (name === 'allowed.example') return { verdict: 'ALLOW', reason: 'DESTINATION_ALLOWED' };
  if (name === '169.254.169.254') return { verdict: 'DROP', reason: 'METADATA_ADDRESS' };
  return { verdict: lane.includes('dry-run') ? 'DRY_RUN_DENIAL' : 'DROP', ...DENIED };
}

function answered(
  lane: Lane,
  { name, type }: { readonly name: string; readonly type: number },
  clusterNames: ClusterNames,
): AnsweredQuestion {
  const decide = (asked: string): Decision => decisionOf(lane, asked);
  return answerQuestion({ name, type }, { lane, clusterNames, decide });
}

function shownAnswer(answer: DnsAnswer): string {
  if (answer.kind === 'address') return `${answer.of} ${answer.family}`;
  if (answer.kind === 'serviceAddress') return `${answer.addresses.join()} ${answer.family}`;
  return answer.kind === 'forward' ? answer.to : answer.kind;
}

/** "gateway 4", "noName", "outside", with the verdict where it is a denial. */
function shown(lane: Lane, name: string, type: number = TYPE.A, clusterNames = CLUSTER_NAMES): string {
  const { answer, denial } = answered(lane, { name, type }, clusterNames);
  const what = shownAnswer(answer);
  return denial === undefined ? what : `${what}, ${denial.verdict} ${denial.reason}`;
}

const NOT_LISTED = 'DESTINATION_NOT_ALLOWED';

test.each<[string, number, string, string]>([
  ['allowed.example', TYPE.A, 'gateway 4', 'outside'],
  ['allowed.example', TYPE.AAAA, 'gateway 6', 'outside'],
  ['allowed.example', HTTPS, 'noData', 'outside'],
  ['allowed.example', TXT, 'noData', 'outside'],
  ['denied.example', TYPE.A, `noName, DROP ${NOT_LISTED}`, `outside, DRY_RUN_DENIAL ${NOT_LISTED}`],
  ['denied.example', TXT, `noName, DROP ${NOT_LISTED}`, `outside, DRY_RUN_DENIAL ${NOT_LISTED}`],
  ['169.254.169.254', TYPE.A, 'noName, DROP METADATA_ADDRESS', 'noName, DROP METADATA_ADDRESS'],
  ['4.3.2.1.in-addr.arpa', 12, 'noName', 'outside'],
  ['8.b.d.0.1.0.0.2.ip6.arpa', 12, 'noName', 'outside'],
  ['localhost', TYPE.A, 'localhost 4', 'localhost 4'],
  ['a.localhost', TYPE.AAAA, 'localhost 6', 'localhost 6'],
  ['localhost', TXT, 'noData', 'noData'],
  ['', 2, 'noData', 'noData'],
  ['web.lab.svc.cluster.local', TYPE.A, '10.96.0.9 4', '10.96.0.9 4'],
  ['web.lab.svc.cluster.local', TYPE.AAAA, '10.96.0.9 6', '10.96.0.9 6'],
  ['web.lab.svc.cluster.local', TXT, 'noData', 'noData'],
  ['_https._tcp.web.lab.svc.cluster.local', TYPE.SRV, 'endpoints', 'endpoints'],
  ['_https._tcp.web.lab.svc.cluster.local', TYPE.A, 'noData', 'noData'],
  ['peers.lab.svc.cluster.local', TYPE.A, 'endpoints', 'endpoints'],
  ['pod-0.peers.lab.svc.cluster.local', TYPE.AAAA, 'endpoints', 'endpoints'],
  ['pod-0.peers.lab.svc.cluster.local', TYPE.SRV, 'noData', 'noData'],
  // A name outside, written by whoever may write Services.
  [
    'alias.lab.svc.cluster.local',
    TYPE.A,
    `noName, DROP ${NOT_LISTED}`,
    `cluster, DRY_RUN_DENIAL ${NOT_LISTED}`,
  ],
  ['alias.lab.svc.cluster.local', TXT, `noName, DROP ${NOT_LISTED}`, `cluster, DRY_RUN_DENIAL ${NOT_LISTED}`],
  ['payload.alias.lab.svc.cluster.local', TXT, 'noName', 'noName'],
  ['gone.lab.svc.cluster.local', TYPE.A, 'noName', 'noName'],
  ['allowed.example.lab.svc.cluster.local', TYPE.A, 'noName', 'noName'],
  ['allowed.example.cluster.local', TYPE.A, 'noName', 'noName'],
])('answerQuestion() says to %j type %i: %s; in dry-run: %s', (name, type, enforced, dryRun) => {
  const lanes = LANES.filter((lane) => lane !== 'full');
  const wanted = lanes.map((lane) => [lane, lane.includes('dry-run') ? dryRun : enforced]);
  expect(lanes.map((lane) => [lane, shown(lane, name, type)])).toEqual(wanted);
});

test.each([
  ['web.lab.svc.cluster.local', 'unknown'],
  ['gone.lab.svc.cluster.local', 'unknown'],
  ['denied.example.lab.svc.cluster.local', 'unknown'],
  // What search lists make of a name that is allowed: nobody is to end a search there.
  ['allowed.example.lab.svc.cluster.local', 'noName'],
  ['allowed.example.svc.cluster.local', 'noName'],
  ['allowed.example.cluster.local', 'noName'],
  ['a.b.denied.example.lab.svc.cluster.local', 'noName'],
])('answerQuestion() says to %s, while nobody knows the Services: %s', (name, wanted) => {
  const clusterNames = { ...CLUSTER_NAMES, findService: () => 'unknown' as const };
  const lanes = LANES.filter((lane) => lane !== 'full');
  expect(lanes.map((lane) => shown(lane, name, TYPE.A, clusterNames))).toEqual(lanes.map(() => wanted));
});
