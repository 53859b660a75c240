// A NetworkPolicy -> its status: counts, and the state of all workspaces under it taken together.
import { countDestinations, type NetworkPolicy } from '../../../model/network-policy.ts';
import { acceptedOf } from './accepted.ts';
import { type FoundStatus, RESTARTS_NOT_TRACKED } from './found-status.ts';
import { programmedTogether } from './programmed.ts';
import { readyOf } from './ready.ts';
import type { StatusIndex } from './status-index.ts';

/** `policy` is undefined where it cannot be read. */
export function policyStatus(
  name: string,
  policy: NetworkPolicy | undefined,
  index: StatusIndex,
): FoundStatus {
  const plans = index.plansByPolicy.get(name) ?? [];
  const verdicts = {
    Accepted: acceptedOf(index.problems.get(`NetworkPolicy/${name}`) ?? [], policy === undefined),
    Programmed: programmedTogether(plans, index.programmed),
    RestartRequired: RESTARTS_NOT_TRACKED,
  };
  const destinations =
    policy === undefined ? {} : { destinations: countDestinations(policy.spec.egress.networkAccess) };
  return {
    verdicts: { ...verdicts, Ready: readyOf(verdicts) },
    fields: { ...destinations, workspaces: plans.length },
  };
}
