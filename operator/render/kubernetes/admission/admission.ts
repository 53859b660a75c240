// All policies for admission, with their bindings. They take the place of a webhook: the API server evaluates them
// itself, so nothing of ours has to be up for a pod to start, or to be refused.
import type { Installation } from '../../../model/system-names.ts';
import type { JsonObject } from '../crd.ts';
import { checkPods } from './check-pods.ts';
import { guardIsolation } from './guard-isolation.ts';
import { guardNamespaces } from './guard-namespaces.ts';
import { guardOwned } from './guard-owned.ts';
import { guardPolicies } from './guard-policies.ts';
import { guardReports } from './guard-reports.ts';
import { narrowOperator } from './narrow-operator.ts';
import { narrowOperatorOnPods } from './narrow-operator-on-pods.ts';
import { stampPods } from './stamp-pods.ts';

export function renderAdmission(installation: Installation): readonly JsonObject[] {
  return [
    ...stampPods(),
    ...checkPods(installation),
    ...guardNamespaces(installation),
    ...guardIsolation(installation),
    ...guardOwned(installation),
    ...guardPolicies(),
    ...guardReports(installation),
    ...narrowOperator(installation),
    ...narrowOperatorOnPods(installation),
  ];
}
