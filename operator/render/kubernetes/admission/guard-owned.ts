// What the operator owns is its own: objects of its label, and the kinds that only it writes. The label itself too:
// put on something else it would have that pruned, taken away it would have ours forgotten.
import { egressTableKind } from '../../../model/egress-table.ts';
import { GROUP, VERSION } from '../../../model/kubernetes-object.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../../model/system-names.ts';
import { workspacePlanKind } from '../../../model/workspace-plan.ts';
import type { JsonObject } from '../crd.ts';
import { celList, celMessage, isOwned, labelsOf, MAY_WRITE_STAMPS } from './cel.ts';
import { type Operation, validatingPolicy } from './policy-objects.ts';

const OPERATIONS: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE'];

/** They empty Namespaces and remove what has lost its owner. */
const CLEANERS = [
  'system:kube-controller-manager',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:serviceaccount:kube-system:namespace-controller',
];

export function guardOwned(systemNamespace: string): readonly JsonObject[] {
  const isCleaner = `request.userInfo.username in ${celList(CLEANERS)}`;
  const message = celMessage(
    `Cannot write {request.resource.resource} "{(object == null ? oldObject : object).metadata.name}": Sallyport owns what carries label "${MANAGED_BY_LABEL}=${MANAGED_BY}", and restores it; change the policy that it is made from`,
  );
  const may = `request.operation != 'CREATE' && ${isCleaner} || ${MAY_WRITE_STAMPS}`;
  const byLabel = `!(${isOwned(labelsOf('object'))}) && !(${isOwned(labelsOf('oldObject'))}) || ${may}`;
  const system = { matchLabels: { 'kubernetes.io/metadata.name': systemNamespace } };
  return [
    ...validatingPolicy({
      name: 'owned-isolation',
      rules: [
        {
          group: 'networking.k8s.io',
          version: 'v1',
          resources: ['networkpolicies'],
          operations: OPERATIONS,
        },
      ],
      validations: [{ expression: byLabel, message }],
    }),
    ...validatingPolicy({
      name: 'owned-services',
      rules: [
        { group: '', version: 'v1', resources: ['services'], operations: OPERATIONS },
        { group: 'discovery.k8s.io', version: 'v1', resources: ['endpointslices'], operations: OPERATIONS },
      ],
      namespaceSelector: system,
      validations: [{ expression: byLabel, message }],
    }),
    ...validatingPolicy({
      name: 'owned-plans',
      rules: [
        {
          group: GROUP,
          version: VERSION,
          resources: [egressTableKind, workspacePlanKind].flatMap(({ plural }) => [
            plural,
            `${plural}/status`,
          ]),
          operations: OPERATIONS,
        },
      ],
      validations: [
        {
          expression: may,
          message: celMessage(
            'Cannot write {request.resource.resource} "{(object == null ? oldObject : object).metadata.name}": only Sallyport does; change the policy that it is made from',
          ),
        },
      ],
    }),
  ];
}
