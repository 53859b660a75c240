// What another KubeNetworkPolicy adds to ours (policies are additive). Admission denies new ones by the same rule; this
// checks existing ones.
import { parseAddressRange, rangesCover } from '../../../model/address-range.ts';
import { LANES, type Lane, OPEN_LANES } from '../../../model/lane.ts';
import { LANE_PORT_RANGE } from '../../../model/lane-port.ts';
import { METADATA_RANGES } from '../../../model/special-address.ts';
import { LANE_LABEL } from '../../../model/stamp.ts';
import { type KnownLabels, mayTake } from './known-labels.ts';

interface Rules {
  readonly podSelector?: PodSelector;
  readonly egress?: readonly { readonly to?: readonly Peer[] }[];
  readonly ingress?: readonly { readonly ports?: readonly Port[] }[];
}

interface Peer {
  readonly podSelector?: PodSelector;
  readonly namespaceSelector?: unknown;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface Port {
  readonly port?: number | string;
  readonly endPort?: number;
}

interface PodSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Whether pods of its Namespace may reach more because of it. */
export function opensEgress(spec: unknown): boolean {
  const { podSelector = {}, egress = [] } = (spec ?? {}) as Rules;
  if (selectsOnly(podSelector, ['full'])) return false;
  const isTooMuch = selectsOnly(podSelector, OPEN_LANES)
    ? ({ ipBlock }: Peer) => ipBlock !== undefined && opensMetadata(ipBlock)
    : leavesNamespace(podSelector);
  return egress.some(({ to = [] }) => to.length === 0 || to.some(isTooMuch));
}

/** Whether it allows others to connect to lanes' ports, where it is in the Namespace of the gateways. */
export function opensLanePorts(spec: unknown, gateway: KnownLabels): boolean {
  const { podSelector = {}, ingress = [] } = (spec ?? {}) as Rules;
  if (!mayTake(podSelector, gateway)) return false;
  return ingress.some(({ ports = [] }) => ports.length === 0 || ports.some(mayBeLanePort));
}

function mayBeLanePort({ port, endPort }: Port): boolean {
  if (typeof port !== 'number') return true;
  return port <= LANE_PORT_RANGE.to && (endPort ?? port) >= LANE_PORT_RANGE.from;
}

/** An unreadable range may be anything. */
function opensMetadata({ cidr, except = [] }: NonNullable<Peer['ipBlock']>): boolean {
  const parsed = parseAddressRange(cidr);
  if (!('range' in parsed)) return true;
  const block = [parsed.range];
  const shut = except.map(parseAddressRange).flatMap((one) => ('range' in one ? [one.range] : []));
  return METADATA_RANGES.some((range) => {
    const isInside = rangesCover(block, [range]) || rangesCover([range], block);
    return isInside && !rangesCover(shut, [range]);
  });
}

function leavesNamespace(podSelector: PodSelector): (peer: Peer) => boolean {
  const shut = selectsOnly(podSelector, ['enforced'])
    ? OPEN_LANES
    : LANES.filter((lane) => lane !== 'sealed');
  return (peer) => !staysInside(peer, shut);
}

/** Only pods of the same Namespace, and none in a more open lane, which could relay. */
function staysInside({ podSelector, namespaceSelector, ipBlock }: Peer, shut: readonly Lane[]): boolean {
  if (namespaceSelector !== undefined || ipBlock !== undefined || podSelector === undefined) return false;
  return selectsNone(podSelector, shut);
}

/** Whether a selector certainly selects pods of these lanes only. */
function selectsOnly({ matchLabels, matchExpressions = [] }: PodSelector, lanes: readonly string[]): boolean {
  const lane = matchLabels?.[LANE_LABEL];
  if (lane !== undefined && lanes.includes(lane)) return true;
  return matchExpressions.some(
    ({ key, operator, values = [] }) =>
      key === LANE_LABEL && operator === 'In' && values.every((value) => lanes.includes(value)),
  );
}

/** Whether a selector certainly selects no pod of these lanes. Pods without a lane are treated as the strictest. */
function selectsNone({ matchLabels, matchExpressions = [] }: PodSelector, lanes: readonly string[]): boolean {
  const lane = matchLabels?.[LANE_LABEL];
  if (lane !== undefined && !lanes.includes(lane)) return true;
  return matchExpressions.some(({ key, operator, values = [] }) => {
    if (key !== LANE_LABEL) return false;
    if (operator === 'In') return !values.some((value) => lanes.includes(value));
    if (operator === 'NotIn') return lanes.every((shut) => values.includes(shut));
    return operator === 'DoesNotExist';
  });
}
