// What gateways may write beside their reports: EndpointSlices of lanes, and their own lease. Roles limit kinds and
// verbs; these policies limit objects. So a stolen token of a gateway leads no Service but those of lanes elsewhere, and
// takes no lease of others.
import { LANES } from '../../model/lane.ts';
import {
  GATEWAY_LEASE_NAME,
  type Installation,
  SERVICE_NAME_LABEL,
  SLICE_MANAGER,
  SLICE_MANAGER_LABEL,
} from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { celMessage, celText, isOwned, keepsMetadata, labelsOf } from './cel.ts';
import { type ResourceRule, type Validation, validatingPolicy, WRITES, wholly } from './policy-objects.ts';
import { isGateway } from './protection.ts';

/** As laneServiceName() of operator/compile/lane-service-name.ts makes it. */
const LANE_SERVICE = `^ws-[a-z0-9-]+-(${LANES.join('|')})-[0-9a-f]{8}$`;
const IS_CREATION = `request.operation == 'CREATE'`;
const IS_DELETION = `request.operation == 'DELETE'`;

export function narrowGateway(installation: Installation): readonly JsonObject[] {
  const isHome = `request.?namespace.orValue('') == ${celText(installation.systemNamespace)}`;
  const own = (name: string, rule: ResourceRule, ...validations: readonly Validation[]) =>
    validatingPolicy({
      name: `gateway-${name}`,
      rules: [rule],
      matchCondition: isGateway(installation),
      validations,
    });
  return [
    ...own('slices', written('discovery.k8s.io', 'endpointslices'), onlyLanes(isHome), ONLY_ADDRESSES),
    ...own('leases', written('coordination.k8s.io', 'leases'), onlyOwnLease(isHome)),
  ];
}

function written(group: string, plural: string): ResourceRule {
  return { group, version: 'v1', resources: wholly(plural), operations: WRITES };
}

const LABELS = labelsOf('object');
const SERVICE = `${LABELS}[?${celText(SERVICE_NAME_LABEL)}].orValue('')`;
const IS_OF_LANE = [
  isOwned(LABELS),
  `${LABELS}[?${celText(SLICE_MANAGER_LABEL)}].orValue('') == ${celText(SLICE_MANAGER)}`,
  `${SERVICE}.matches(${celText(LANE_SERVICE)})`,
  `object.metadata.name == ${SERVICE} + '-' + object.addressType.lowerAscii()`,
].join(' && ');

function onlyLanes(isHome: string): Validation {
  return {
    expression: `${isHome} && (${IS_DELETION} || ${IS_OF_LANE}) && (${IS_CREATION} || ${isOwned(labelsOf('oldObject'))})`,
    message: celMessage(
      `Cannot write EndpointSlice "{request.?name.orValue('')}": gateways of Sallyport write only those of lanes, with label "${SLICE_MANAGER_LABEL}=${SLICE_MANAGER}"`,
    ),
  };
}

const IS_BARE = ['ownerReferences', 'finalizers']
  .map((field) => `size(object.metadata.?${field}.orValue([])) == 0`)
  .join(' && ');

/** No pod and no node by name, and nothing that keeps the slice from being deleted. */
const ONLY_ADDRESSES: Validation = {
  expression: `${IS_DELETION} || object.?endpoints.orValue([]).all(e, !has(e.targetRef) && !has(e.nodeName) && !has(e.hostname)) && (${IS_CREATION} ? ${IS_BARE} : ${keepsMetadata('ownerReferences', 'finalizers')})`,
  message: celMessage(
    `Cannot write EndpointSlice "{request.?name.orValue('')}": gateways of Sallyport write nothing into it but addresses and ports`,
  ),
};

function onlyOwnLease(isHome: string): Validation {
  return {
    expression: `${isHome} && object != null && object.metadata.name == ${celText(GATEWAY_LEASE_NAME)}`,
    message: celMessage(
      `Cannot write Lease "{request.?name.orValue('')}": gateways of Sallyport write only Lease "${GATEWAY_LEASE_NAME}"`,
    ),
  };
}
