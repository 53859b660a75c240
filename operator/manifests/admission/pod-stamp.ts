// What a pod is to be given when it starts, as CEL variables over the pod and the annotations of its Namespace. The
// policy that stamps and the one that checks use the same ones: computed from a pod that is stamped they give its stamp
// again, so a missing or changed stamp shows.
import { GROUP } from '../../model/kubernetes-object.ts';
import { isDryRun, LANES } from '../../model/lane.ts';
import { PRODUCTS } from '../../model/product.ts';
import { PRODUCT_DETECTION } from '../../model/product-detection.ts';
import {
  CLUSTER_DNS_ANNOTATION,
  CLUSTER_DOMAIN_ANNOTATION,
  DEFAULT_LANE_ANNOTATION,
  laneAnnotation,
  NO_PROXY_ANNOTATION,
  NO_PROXY_VARIABLES,
  NODE_VARIABLE,
  PRODUCT_LABEL,
  PROXY_VARIABLES,
  RESERVED_VARIABLES,
  STAMP_ANNOTATION,
  STRICTEST_LANE,
  USE_PRODUCT,
  USUAL_CLUSTER_DOMAIN,
} from '../../model/stamp.ts';
import type { ProductMark } from '../../model/workload-kind.ts';
import { celList, celText, labelsOf } from './cel.ts';
import type { Variable } from './policy-objects.ts';

/** The API server's limit. */
const MAX_SEARCHES = 32;
const MAX_NAME_SERVERS = 3;
/**
 * As kubelet gives them to pods that leave DNS to the cluster: "orders.shop" is resolved below the search domains
 * first.
 */
const NDOTS = '5';

const CLAIMED = `string(variables.labels[?${celText(PRODUCT_LABEL)}].orValue(''))`;

const STRICTEST = celText(STRICTEST_LANE);

export const POD_STAMP: readonly Variable[] = [
  {
    name: 'settings',
    expression: 'namespaceObject.metadata.?annotations.orValue({})',
  },
  { name: 'labels', expression: labelsOf('object') },
  { name: 'product', expression: product() },
  // What the label says, where it names none; "" otherwise.
  { name: 'unknownProduct', expression: `${CLAIMED} in ${celList(PRODUCTS)} ? '' : ${CLAIMED}` },
  // A variable of its own, so that the authorizer is asked once.
  { name: 'mayUse', expression: mayUseProduct() },
  { name: 'laneOfGeneral', expression: laneOf(celText(laneAnnotation('GENERAL')), defaultLane()) },
  {
    name: 'laneOfProduct',
    expression: laneOf(
      `${celText(`${DEFAULT_LANE_ANNOTATION}.`)} + string(variables.product)`,
      defaultLane(),
    ),
  },
  { name: 'lane', expression: grantedLane() },
  { name: 'stamp', expression: setting(celText(STAMP_ANNOTATION)) },
  { name: 'proxy', expression: setting(`${celText(`${GROUP}/proxy.`)} + string(variables.lane)`) },
  { name: 'dns', expression: setting(`${celText(`${GROUP}/dns.`)} + string(variables.lane)`) },
  { name: 'isReady', expression: isReady() },
  { name: 'isInLane', expression: `variables.isReady && variables.lane != 'full'` },
  { name: 'reserved', expression: celList(RESERVED_VARIABLES) },
  { name: 'environment', expression: environment() },
  { name: 'nameServers', expression: nameServers() },
  { name: 'clusterSearches', expression: clusterSearches() },
  { name: 'searches', expression: searches() },
  { name: 'options', expression: options() },
];

function setting(annotation: string): string {
  return `string(variables.settings[?${annotation}].orValue(''))`;
}

/** A label that names no product means GENERAL, whatever other labels say. */
function product(): string {
  const detected = PRODUCT_DETECTION.map(
    ([name, marks]) => `${marks.map(mark).join(' || ')} ? ${celText(name)} :\n`,
  ).join('');
  return `${celText(PRODUCT_LABEL)} in variables.labels ? (${CLAIMED} in ${celList(PRODUCTS)} ? ${CLAIMED} : 'GENERAL') :\n${detected}'GENERAL'`;
}

function mark({ label, value }: ProductMark): string {
  return value === undefined
    ? `${celText(label)} in variables.labels`
    : `variables.labels[?${celText(label)}].orValue('') == ${celText(value)}`;
}

function mayUseProduct(): string {
  const account = `object.spec.?serviceAccountName.orValue('default')`;
  const name = 'string(variables.product).lowerAscii()';
  return `authorizer.serviceAccount(request.namespace, ${account}).group('${GROUP}').resource('${USE_PRODUCT.resource}').namespace(request.namespace).name(${name}).check('${USE_PRODUCT.verb}').allowed()`;
}

function laneOf(annotation: string, otherwise: string): string {
  return `string(variables.settings[?${annotation}].orValue(${otherwise}))`;
}

function defaultLane(): string {
  return `variables.settings[?${celText(DEFAULT_LANE_ANNOTATION)}].orValue(${STRICTEST})`;
}

/** LANES begins with the most open one. */
function grantedLane(): string {
  const openness = (lane: string) => `${celList(LANES)}.indexOf(string(variables.${lane}))`;
  return `${openness('laneOfProduct')} >= ${openness('laneOfGeneral')} || variables.mayUse ? variables.laneOfProduct : variables.laneOfGeneral`;
}

function isReady(): string {
  return `variables.stamp != '' && (variables.lane == 'full' || variables.proxy != '' && variables.dns != '')`;
}

/** Pairs of name and value, in the order in which they are written. */
function environment(): string {
  const pairs = (names: readonly string[], value: string) => `${celList(names)}.map(n, [n, ${value}])`;
  return [
    pairs(PROXY_VARIABLES, 'string(variables.proxy)'),
    pairs(NO_PROXY_VARIABLES, setting(celText(NO_PROXY_ANNOTATION))),
    `[[${celText(NODE_VARIABLE.name)}, ${celText(NODE_VARIABLE.value)}]]`,
  ].join(' + ');
}

function nameServers(): string {
  const clusterDns = `variables.settings[?${celText(CLUSTER_DNS_ANNOTATION)}].orValue('')`;
  const second = `(variables.lane in ${celList(LANES.filter(isDryRun))} ? ${addresses(clusterDns)} : [])`;
  return firstOf(`${addresses('variables.dns')} + ${second}`, MAX_NAME_SERVERS);
}

/** filter() also makes a list of the kind that a patch can hold of what split() gives. */
function addresses(list: string): string {
  return `string(${list}).split(',').filter(a, a != '')`;
}

function clusterSearches(): string {
  const domain = `string(variables.settings[?${celText(CLUSTER_DOMAIN_ANNOTATION)}].orValue(${celText(USUAL_CLUSTER_DOMAIN)}))`;
  return `[request.namespace + '.svc.' + ${domain}, 'svc.' + ${domain}, ${domain}]`;
}

function searches(): string {
  const own = `object.spec.?dnsConfig.?searches.orValue([]).filter(s, !(s in variables.clusterSearches))`;
  return firstOf(`variables.clusterSearches + ${own}`, MAX_SEARCHES);
}

/** Pairs; an option without a value has "". */
function options(): string {
  const own = 'object.spec.?dnsConfig.?options.orValue([])';
  return `${own}.map(o, [o.?name.orValue(''), o.?value.orValue('')]) + (${own}.exists(o, o.?name.orValue('') == 'ndots') ? [] : [['ndots', ${celText(NDOTS)}]])`;
}

function firstOf(list: string, count: number): string {
  return `[${list}].map(l, size(l) > ${count} ? l.slice(0, ${count}) : l)[0]`;
}
