// Only the operator writes objects with its label, and the kinds that it owns; EndpointSlices are the gateways'. Nor may others set or remove the label:
// the operator would prune a foreign object, or lose track of its own.
import { egressTableKind } from '../../model/egress-table.ts';
import { ingressPlanKind } from '../../model/ingress-plan.ts';
import { GROUP, VERSION } from '../../model/kubernetes-object.ts';
import {
  INGRESS_TLS_ROLE,
  type Installation,
  MANAGED_BY,
  MANAGED_BY_LABEL,
} from '../../model/system-names.ts';
import { workspacePlanKind } from '../../model/workspace-plan.ts';
import type { JsonObject } from '../crd.ts';
import { celText, isOwned, labelsOf } from './cel.ts';
import { type ResourceRule, WRITES, wholly } from './policy-objects.ts';
import { isGateway, protection } from './protection.ts';

const OBJECT_NAME = '(object == null ? oldObject : object).metadata.name';
const NAME = `{request.resource.resource} "{${OBJECT_NAME}}"`;

export function protectOwnedObjects(installation: Installation): readonly JsonObject[] {
  const system = { matchLabels: { 'kubernetes.io/metadata.name': installation.systemNamespace } };
  const byLabel = {
    touches: `${isOwned(labelsOf('object'))} || ${isOwned(labelsOf('oldObject'))}`,
    message: `Cannot write ${NAME}: Sallyport owns what carries label "${MANAGED_BY_LABEL}=${MANAGED_BY}", and restores it; change the policy that it is made from`,
  };
  return [
    ...protection(installation, {
      name: 'owned-isolation',
      rules: [written('networking.k8s.io', 'networkpolicies')],
      ...byLabel,
    }),
    ...protection(installation, {
      name: 'owned-services',
      rules: [written('', 'services')],
      namespaceSelector: system,
      ...byLabel,
    }),
    ...protection(installation, {
      name: 'owned-slices',
      rules: [written('discovery.k8s.io', 'endpointslices')],
      namespaceSelector: system,
      ...byLabel,
      orElse: isGateway(installation),
    }),
    ...protection(installation, {
      name: 'owned-roles',
      rules: [written('rbac.authorization.k8s.io', 'roles', 'rolebindings')],
      touches: `${byLabel.touches} || ${OBJECT_NAME} == ${celText(INGRESS_TLS_ROLE)}`,
      message: byLabel.message,
    }),
    ...protection(installation, {
      name: 'owned-plans',
      rules: [written(GROUP, egressTableKind.plural, workspacePlanKind.plural, ingressPlanKind.plural)],
      touches: 'true',
      message: `Cannot write ${NAME}: only Sallyport does; change the policy that it is made from`,
    }),
  ];
}

function written(group: string, ...plurals: readonly string[]): ResourceRule {
  const version = group === GROUP ? VERSION : 'v1';
  return { group, version, resources: wholly(...plurals), operations: WRITES };
}
