// The user of requests: the one of the credentials where it is the wanted one, else by impersonation, for which the
// credentials need permission. So a program with a person's kubeconfig has no more than its own rights.
import type { ApiRequest } from './kubernetes-api.ts';

export interface Actor {
  /** "system:serviceaccount:sallyport-system:sallyport-operator". */
  readonly user: string;
  /** Extra user info that the user's own credentials would carry. */
  readonly extra?: Readonly<Record<string, string>>;
}

export type Headers = Readonly<Record<string, string>>;

export const WHO_AM_I: ApiRequest = {
  method: 'POST',
  path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
  body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
};

/** `answer` is the API server's answer to WHO_AM_I. The groups of a ServiceAccount follow from its name. */
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
