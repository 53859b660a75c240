// All policies for admission, with their bindings. They take the place of a webhook: the API server evaluates them
// itself, so no server of ours has to be up for a pod to start, or to be denied.
import type { Installation } from '../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { boundMetadata } from './bound-metadata.ts';
import { checkPods } from './check-pods.ts';
import { keepPods } from './keep-pods.ts';
import { narrowCollector } from './narrow-collector.ts';
import { narrowGateway } from './narrow-gateway.ts';
import { narrowOperator } from './narrow-operator.ts';
import { narrowOperatorOnCanaries } from './narrow-operator-on-canaries.ts';
import { narrowOperatorOnPods } from './narrow-operator-on-pods.ts';
import { narrowOperatorOnRoles } from './narrow-operator-on-roles.ts';
import { protectAddresses } from './protect-addresses.ts';
import { protectIsolation } from './protect-isolation.ts';
import { protectNamespaces } from './protect-namespaces.ts';
import { protectOwnedObjects } from './protect-owned-objects.ts';
import { protectPolicies } from './protect-policies.ts';
import { protectReports } from './protect-reports.ts';
import { stampPods } from './stamp-pods.ts';

export function renderAdmission(installation: Installation): readonly JsonObject[] {
  return [
    ...stampPods(),
    ...checkPods(installation),
    ...boundMetadata(installation),
    ...keepPods(),
    ...protectNamespaces(installation),
    ...protectIsolation(installation),
    ...protectAddresses(),
    ...protectOwnedObjects(installation),
    ...protectPolicies(),
    ...protectReports(installation),
    ...narrowOperator(installation),
    ...narrowOperatorOnPods(installation),
    ...narrowOperatorOnCanaries(installation),
    ...narrowOperatorOnRoles(installation),
    ...narrowGateway(installation),
    ...narrowCollector(installation),
  ];
}
