// As whom requests are sent: as the user of the credentials where that is the right one, else by impersonation of it,
// which whoever holds the credentials must be allowed. So a person's kubeconfig gives a program no more than its own
// rights.
import type { ApiRequest } from './kubernetes-api.ts';

export interface Actor {
  /** "system:serviceaccount:sallyport-system:sallyport-operator". */
  readonly user: string;
  /** What else the API server would know of that user from its own credentials. */
  readonly extra?: Readonly<Record<string, string>>;
}

export type Headers = Readonly<Record<string, string>>;

export const WHO_AM_I: ApiRequest = {
  method: 'POST',
  path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
  body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
};

/** `answer` is what the API server said to WHO_AM_I. The groups of a ServiceAccount follow from its name. */
export function actingAs({ user, extra = {} }: Actor, answer: unknown): Headers {
  const { status } = answer as { readonly status?: { readonly userInfo?: { readonly username?: string } } };
  if (status?.userInfo?.username === user) return {};
  return {
    'Impersonate-User': user,
    ...Object.fromEntries(
      Object.entries(extra).map(([key, value]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, value]),
    ),
  };
}
