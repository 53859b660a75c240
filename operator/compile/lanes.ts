// The lane of each product under a policy.
import type { Lane } from '../model/lane.ts';
import type { NetworkPolicy } from '../model/network-policy.ts';
import type { DryRunProduct, Product } from '../model/product.ts';
import type { Tier } from '../model/workspace.ts';

export interface LaneSettings {
  /** Undefined where the policy is missing or unreadable: then as under a restricted policy that says nothing more. */
  readonly policy: NetworkPolicy | undefined;
  readonly tier: Tier;
  /** R77: whether SQL user-defined functions share the network of their warehouse. */
  readonly udfNetworkAccess: boolean;
}

export function laneOf(product: Product, settings: LaneSettings): Lane {
  // R3, R31: policies apply from the Enterprise tier on.
  if (settings.tier !== 'ENTERPRISE') return 'full';
  const access = settings.policy?.spec.egress.networkAccess;
  if (access?.restrictionMode === 'FULL_ACCESS') return 'full';
  const dryRun = (name: DryRunProduct): boolean => isInDryRun(access?.policyEnforcement, name);
  return restrictedLane(product, dryRun, settings);
}

function restrictedLane(
  product: Product,
  dryRun: (name: DryRunProduct) => boolean,
  settings: LaneSettings,
): Lane {
  const open = (name: DryRunProduct): Lane => (dryRun(name) ? 'dry-run' : 'enforced');
  switch (product) {
    case 'SQL_UDF':
      // R77: without the switch a function has no internet at all, in dry-run neither.
      return settings.udfNetworkAccess ? open('DBSQL') : 'sealed';
    case 'ML_BUILD':
      // R55 wins over R75 unless the policy says otherwise.
      return isBuildExempt(settings.policy) ? 'full' : open('ML_SERVING');
    case 'EXTERNAL_MODELS':
      // R27: stays enforced even in dry-run.
      return 'enforced';
    case 'PROVISIONED_THROUGHPUT':
      // R13: no internet destination at all.
      return dryRun('ML_SERVING') ? 'sealed-dry-run' : 'sealed';
    default:
      return open(product);
  }
}

type Enforcement = NetworkPolicy['spec']['egress']['networkAccess']['policyEnforcement'];

/** R26: an empty filter puts all products in dry-run; otherwise only those named. */
function isInDryRun(enforcement: Enforcement, product: DryRunProduct): boolean {
  if (enforcement?.enforcementMode !== 'DRY_RUN') return false;
  const filter = enforcement.dryRunModeProductFilter ?? [];
  return filter.length === 0 || filter.includes(product);
}

function isBuildExempt(policy: NetworkPolicy | undefined): boolean {
  return policy?.spec.egress.networkAccess.policyEnforcement?.mlBuildEnforcement === 'EXEMPT';
}
