// Roles of people: those that aggregate into Kubernetes' view and admin, and those of account admins.
import { CALLER_REPORTS, INPUT_RESOURCES } from '../../model/cluster-resources.ts';
import { ipAccessListKind } from '../../model/ip-access-list.ts';
import { KINDS } from '../../model/kinds.ts';
import { PRODUCTS } from '../../model/product.ts';
import { USE_PRODUCT } from '../../model/stamp.ts';
import type { Installation } from '../../model/system-names.ts';
import { workspaceConfKind } from '../../model/workspace-conf.ts';
import { aggregatedTo, type Grant, ours, READ } from './grant.ts';

const EDIT = [...READ, 'create', 'update', 'patch', 'delete', 'deletecollection'];

export function peopleGrants({ systemNamespace }: Installation): readonly Grant[] {
  const plurals = (isNamespaced: boolean): readonly string[] =>
    INPUT_RESOURCES.filter((resource) => resource.isNamespaced === isNamespaced).map(({ plural }) => plural);
  // Whence somebody called is for administrators of the cluster.
  const all = KINDS.map(({ plural }) => plural).filter((plural) => plural !== CALLER_REPORTS.plural);
  return [
    { name: 'sallyport-viewer', labels: aggregatedTo('view'), rules: [ours(READ, all)] },
    {
      name: 'sallyport-workspace-admin',
      labels: aggregatedTo('admin'),
      rules: [ours(EDIT, plurals(true))],
    },
    {
      name: 'sallyport-account-admin',
      // `use`, since nobody can grant what they do not have.
      rules: [ours(EDIT, plurals(false)), ours([USE_PRODUCT.verb], [USE_PRODUCT.resource])],
    },
    {
      // The lists of the account.
      name: 'sallyport-account-admin',
      namespace: systemNamespace,
      rules: [ours(EDIT, [ipAccessListKind.plural, workspaceConfKind.plural])],
    },
    // For a RoleBinding to the ServiceAccount whose pods may take the lane of that product.
    ...PRODUCTS.map((product) => ({
      name: `sallyport-use-${product.toLowerCase().replaceAll('_', '-')}`,
      rules: [
        { ...ours([USE_PRODUCT.verb], [USE_PRODUCT.resource]), resourceNames: [product.toLowerCase()] },
      ],
    })),
  ];
}
