// Mistakes that people make in a file, each as a change of a good one. In: the workspace that the file is for. Out:
// the file's text, and the Problems that the user must read. The file holds the workspace's assignment and its policy.
export interface BadInput {
  readonly name: string;
  /** Makes the mistake in goodFile(). */
  readonly spoil: (text: string, workspace: string) => string;
  /** As printed, without the file's name: "15: NetworkPolicy/…"; "alpha" stands for the workspace. */
  readonly problems: readonly string[];
  /** Nobody can tell which objects the file holds. */
  readonly isBroken?: boolean;
}

export const ALLOWED_HOST = 'allowed.example.com';

export function goodFile(workspace: string): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: PolicyAssignment
metadata:
  name: ${workspace}
spec:
  networkPolicyId: ${workspace}-policy
---
apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata:
  name: ${workspace}-policy
spec:
  egress:
    networkAccess:
      restrictionMode: RESTRICTED_ACCESS
      allowedInternetDestinations:
        - destination: ${ALLOWED_HOST}
`;
}

export function namespaceFile(...workspaces: readonly string[]): string {
  return workspaces
    .map(
      (name) =>
        `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}, labels: {sallyport.dev/workspace: id-of-${name}}}\n`,
    )
    .join('---\n');
}

const POLICY = 'NetworkPolicy/alpha-policy';
const ACCESS = 'spec.egress.networkAccess';
const FIRST_DESTINATION = `17: ${POLICY}: ${ACCESS}.allowedInternetDestinations[0].destination`;
const UNTIL_CORRECTED =
  'correct the file; until then what this run has read of it last stays in force, and what it never read is denied';

function destination(written: string, problem: string): BadInput {
  return {
    name: `destination ${written}`,
    spoil: (text) => text.replace(ALLOWED_HOST, written),
    problems: [`${FIRST_DESTINATION}: ${problem}`],
  };
}

export const BAD_INPUTS: readonly BadInput[] = [
  {
    name: 'a syntax error',
    spoil: (text) => text.replace('spec:\n  egress:', 'spec: [\n  egress:'),
    problems: [`14: Cannot read YAML: missed comma between flow collection entries; ${UNTIL_CORRECTED}`],
    isBroken: true,
  },
  {
    name: 'an empty file',
    spoil: () => '',
    problems: [`1: Cannot read YAML: the file is empty; ${UNTIL_CORRECTED}`],
    isBroken: true,
  },
  {
    name: 'a wildcard without quotes',
    spoil: (text) => text.replace(ALLOWED_HOST, '*.example.com'),
    problems: [
      `17: Cannot read YAML: a value that begins with "*" needs quotes, "*.example.com"; ${UNTIL_CORRECTED}`,
    ],
    isBroken: true,
  },
  {
    name: 'a misspelt kind',
    spoil: (text) => text.replace('kind: PolicyAssignment', 'kind: PolicyAssignmet'),
    problems: [
      '2: PolicyAssignmet/alpha: Cannot read kind "PolicyAssignmet" of "sallyport.dev/v1alpha1": the kinds are NetworkPolicy, PolicyAssignment, Metastore, PrivateEndpoint, WorkspaceConf, IpAccessList in "sallyport.dev/v1alpha1"',
    ],
    isBroken: true,
  },
  {
    name: 'an object without a name',
    spoil: (text) => text.replace('  name: ', '  nam: '),
    problems: ['3: metadata.name: Cannot leave this field out: a value of type string is needed'],
    isBroken: true,
  },
  {
    name: 'an unknown field',
    spoil: (text) => text.replace('allowedInternetDestinations', 'allowedInternetDestination'),
    problems: [
      `16: ${POLICY}: ${ACCESS}: Cannot accept unknown field "allowedInternetDestination": remove it or correct its spelling (Did you mean allowedInternetDestinations?)`,
    ],
  },
  {
    name: 'a value that the field does not have',
    spoil: (text) => text.replace('RESTRICTED_ACCESS', 'RESTRICTED'),
    problems: [
      `15: ${POLICY}: ${ACCESS}.restrictionMode: Cannot accept "RESTRICTED": use one of "FULL_ACCESS", "RESTRICTED_ACCESS"`,
    ],
  },
  {
    name: '2,501 destinations',
    spoil: (text) =>
      text +
      Array.from({ length: 2500 }, (_, at) => `        - destination: host-${at}.example.com\n`).join(''),
    problems: [
      `16: ${POLICY}: ${ACCESS}.allowedInternetDestinations: Cannot accept 2501 entries: the limit is 2500`,
    ],
  },
  destination(
    '"*"',
    'Cannot accept destination "*": name a domain, for example "*.example.com"; "*" stands only for whole labels in front',
  ),
  destination(
    '"*.com"',
    'Cannot accept destination "*.com": anyone can register names under a public suffix; name a domain, for example "*.example.com"',
  ),
  destination(
    '"*.co.uk"',
    'Cannot accept destination "*.co.uk": anyone can register names under a public suffix; name a domain, for example "*.example.com"',
  ),
  destination(
    '192.0.2.7',
    'Cannot accept destination "192.0.2.7": name a domain; addresses are not accepted as destinations',
  ),
  destination(
    'https://x/',
    'Cannot accept destination "https://x/": write only the domain name, without scheme, user or path, for example "example.com"',
  ),
  destination(
    'allowed.example.com:8443',
    'Cannot accept destination "allowed.example.com:8443": write the port under "ports", for example destination "example.com" with ports [{port: 8443}]',
  ),
  {
    name: 'an assignment that cannot be read',
    spoil: (text) => text.replace('networkPolicyId:', 'networkPolicy:'),
    problems: [
      '6: PolicyAssignment/alpha: spec: Cannot accept unknown field "networkPolicy": remove it or correct its spelling (Did you mean networkPolicyId?)',
    ],
  },
  {
    name: 'two objects of one name',
    spoil: (text, workspace) => `${text}---\n${goodFile(workspace).split('---\n')[1]}`,
    problems: [
      `19: ${POLICY}: Cannot accept two objects of one name: the other is in alpha.yaml:8; remove one, until then the last good version stays`,
    ],
  },
];
