// Policies that mutate: the stamp of every pod that starts in a workspace, and proxy variables of debug containers that
// join one later. check-pods.ts checks the result, so that enforcement does not depend on them.
import { LANE_LABEL, PRODUCT_LABEL, STAMP_LABEL, UNKNOWN_PRODUCT_ANNOTATION } from '../../model/stamp.ts';
import type { JsonObject } from '../crd.ts';
import { celText } from './cel.ts';
import { DEBUG_CONTAINERS } from './check-pods.ts';
import { LEAST_GRACE } from './keep-pods.ts';
import { POD_STAMP } from './pod-stamp.ts';
import { applyConfiguration, IN_WORKSPACES, jsonPatch, mutatingPolicy, podRule } from './policy-objects.ts';

export function stampPods(): readonly JsonObject[] {
  return [
    ...mutatingPolicy({
      name: 'stamp',
      rules: [podRule('CREATE')],
      namespaceSelector: IN_WORKSPACES,
      variables: POD_STAMP,
      mutations: [applyConfiguration(metadata()), jsonPatch(environmentAndDns()), jsonPatch(leastGrace())],
    }),
    ...mutatingPolicy({
      name: 'debug',
      rules: [podRule('UPDATE', ['pods/ephemeralcontainers'])],
      namespaceSelector: IN_WORKSPACES,
      variables: DEBUG_CONTAINERS,
      mutations: [jsonPatch(debugEnvironment())],
    }),
  ];
}

/** Events and warnings are not for mutation; so the pod itself says that its product is not the one that was asked for. */
function metadata(): string {
  const entries = [
    [PRODUCT_LABEL, 'product'],
    [LANE_LABEL, 'lane'],
    [STAMP_LABEL, 'stamp'],
  ] as const;
  const content = entries.map(([label, name]) => `${celText(label)}: string(variables.${name})`).join(', ');
  const asked = `${celText(UNKNOWN_PRODUCT_ANNOTATION)}: string(variables.unknownProduct)`;
  const known = `Object{metadata: Object.metadata{labels: {${content}}}}`;
  const unknown = `Object{metadata: Object.metadata{labels: {${content}}, annotations: {${asked}}}}`;
  return `!variables.isReady ? Object{} : variables.unknownProduct == '' ? ${known} : ${unknown}`;
}

/** In every lane: keep-pods.ts says why. */
function leastGrace(): string {
  return `object.spec.?terminationGracePeriodSeconds.orValue(1) != 0 ? [] :
[JSONPatch{op: 'replace', path: '/spec/terminationGracePeriodSeconds', value: ${LEAST_GRACE}}]`;
}

// All in one patch: between two patches the server drops an empty list, so that the second would fail.
function environmentAndDns(): string {
  const dns = `[JSONPatch{op: 'add', path: '/spec/dnsPolicy', value: 'None'},
JSONPatch{op: 'add', path: '/spec/dnsConfig', value: Object.spec.dnsConfig{
  nameservers: variables.nameServers, searches: variables.searches,
  options: variables.options.map(o, o[1] == '' ? Object.spec.dnsConfig.options{name: o[0]} : Object.spec.dnsConfig.options{name: o[0], value: o[1]})}}]`;
  return `!variables.isInLane ? [] :\n${['containers', 'initContainers'].map(environmentOf).join(' +\n')} +\n${dns}`;
}

function environmentOf(list: string): string {
  const all = `object.spec.?${list}.orValue([])`;
  const path = `'/spec/${list}/' + string(i) + '/env'`;
  const kept = `${all}[i].?env.orValue([]).filter(e, !(e.name in variables.reserved))`;
  const added = `variables.environment.map(e, JSONPatch{op: 'add', path: ${path} + '/-', value: Object.spec.containers.env{name: string(e[0]), value: string(e[1])}})`;
  return `lists.range(size(${all})).map(i, [JSONPatch{op: 'add', path: ${path}, value: ${kept}}] + ${added}).flatten()`;
}

function debugEnvironment(): string {
  const patch = `JSONPatch{op: 'add', path: '/spec/ephemeralContainers/' + string(i) + '/env',
  value: variables.podEnvironment + variables.all[i].?env.orValue([]).filter(e, !(e.name in variables.reserved))}`;
  return `!variables.isInLane ? [] :\nlists.range(size(variables.all)).filter(i, !(variables.all[i].name in variables.old)).map(i, ${patch})`;
}
