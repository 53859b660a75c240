// A user's mistake as a value: collected, shown with file, line, object and field, never thrown.
export type ProblemReason =
  | 'SyntaxError'
  | 'UnknownKind'
  | 'UnknownField'
  | 'InvalidValue'
  | 'TooManyDestinations'
  | 'DuplicateObject'
  | 'NetworkPolicyNotFound'
  | 'NetworkPolicyUnreadable'
  | 'WorkspaceNotFound'
  | 'WorkspaceUnreadable'
  | 'Conflicted'
  | 'RulesIgnored'
  | 'SharedZone'
  | 'Expired'
  | 'UnknownTier'
  | 'UnknownAdoption'
  | 'FolderEmpty'
  | 'FolderUnreadable'
  | 'FolderUnwatched'
  | 'FileUnreadable'
  | 'PortsExhausted'
  | 'TooManyTlsPorts'
  | 'TooManyAddresses'
  | 'HostTaken'
  | 'BackendNotUsable'
  | 'DuplicateLabel'
  | 'AnnotationIgnored'
  | 'DeniesEverybody'
  | 'WouldLockOut'
  | 'AwaitingConfirmation'
  | 'NotConfirmed'
  | 'ServiceNotFound'
  | 'SecretNotFound'
  | 'SecretInvalid'
  | 'ExternalAddresses'
  | 'ForeignEndpoints'
  | 'CrdNotFound'
  | 'CrdOfAnotherVersion'
  | 'KubernetesTooOld';

export interface Problem {
  readonly reason: ProblemReason;
  /** What happened and how to fix it; sentence case, no full stop. */
  readonly message: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** "NetworkPolicy/acme". */
  readonly object?: string;
  /** "spec.egress.networkAccess.allowedInternetDestinations[3].destination". */
  readonly field?: string;
}

/** "policies.yaml:14: NetworkPolicy/acme: spec.x: message": the order in which a person looks for the place. */
export function formatProblem(problem: Problem): string {
  const place = problem.file === undefined ? [] : [placeInFile(problem.file, problem.line)];
  return [...place, problem.object, problem.field, problem.message]
    .filter((part) => part !== undefined)
    .join(': ');
}

function placeInFile(file: string, line: number | undefined): string {
  return line === undefined ? file : `${file}:${line}`;
}
