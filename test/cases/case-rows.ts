// decisions.yaml of a case: hand-written rows of who asks for what, and what must come of it.
// In: the text of the file. Out: rows, or an error that names every fault; an unknown field is a fault.
import { load } from 'js-yaml';
import { z } from 'zod';
import type { EgressRequest } from '../../operator/compile/decide.ts';
import { isIpLiteral } from '../../operator/model/address-range.ts';
import { parseAskedHost } from '../../operator/model/authority.ts';
import { PRODUCTS } from '../../operator/model/product.ts';
import { isReason, type Reason } from '../../operator/model/reason.ts';
import { type Aim, aimAtAuthority, aimAtUrl } from '../outside/aim.ts';

const insideSchema = z.union([z.strictObject({ sni: z.string().min(1) }), z.enum(['no-sni', 'not-tls'])]);

const caseRowSchema = z
  .strictObject({
    /** Name of the Namespace that is the workspace. */
    workspace: z.string().min(1),
    product: z.enum(PRODUCTS),
    /**
     * "https://host[:port]/", "http://host[:port]/" or "CONNECT host:port"; `<address>` is an address of some server.
     */
    asks: z.string().regex(/^(?:https?:\/\/[^/\s]+\/|CONNECT \S+:\d+)$/),
    /** What the tunnel carries; TLS that names the host unless given. */
    inside: insideSchema.optional(),
    /** Where the DNS leads the host: to a guarded address, or to none; to a server of its own unless given. */
    leadsTo: z.enum(['closed', 'nowhere']).optional(),
    verdict: z.enum(['ALLOW', 'DROP', 'DRY_RUN_DENIAL']),
    reason: z.string().refine(isReason, 'is none of operator/model/reason.ts'),
    /** The entry that decides, as in the denial log; "none" where no entry does, unchecked where it is left out. */
    rule: z.string().optional(),
  })
  .refine(({ asks, inside }) => inside === undefined || !asks.startsWith('http:'), {
    path: ['inside'],
    message: 'needs a tunnel: ask with "https://" or "CONNECT"',
  });

export type CaseRow = Readonly<z.infer<typeof caseRowSchema>>;

/** Throws an error that names the file and every fault. */
export function parseCaseRows(file: string, text: string): readonly CaseRow[] {
  const parsed = z.array(caseRowSchema).min(1).safeParse(load(text));
  if (parsed.success) return parsed.data;
  throw new Error(`Cannot read "${file}": correct what follows\n${z.prettifyError(parsed.error)}`);
}

/** `<address>` is replaced by the given address. */
export function aimOf(row: CaseRow, address: string): Aim {
  const asks = row.asks.replace('<address>', address);
  return asks.startsWith('CONNECT ') ? aimAtAuthority(asks.slice('CONNECT '.length), '/') : aimAtUrl(asks);
}

/** What decide() is asked; a client that asks for an address sends no server name. */
export function requestOf(row: CaseRow, address: string): EgressRequest {
  const { scheme, host: bare, port } = aimOf(row, address);
  const host = bare.includes(':') ? `[${bare}]` : bare;
  if (scheme === 'http') return { via: 'HTTP', host, port };
  if (row.inside === 'not-tls') return { via: 'CONNECT', host, port, inside: { kind: 'OTHER' } };
  return { via: 'CONNECT', host, port, inside: { kind: 'TLS', sni: sniOf(row, host) } };
}

/** The server name that the client sends, as it sends it. */
export function sniOf({ inside }: CaseRow, host: string): string | null {
  if (inside === 'no-sni') return null;
  if (typeof inside === 'object') return inside.sni;
  return isIpLiteral(host) ? null : host;
}

/** A host as the denial log has it: canonical where it is a name, else as it was asked for. */
export function canonicalHost(host: string): string {
  const parsed = parseAskedHost(host);
  return 'name' in parsed ? parsed.name : host.replace(/\.$/, '');
}

/** Reasons that only the gateway can know: they are about addresses, and decide() sees names alone. */
const ADDRESS_REASONS: readonly Reason[] = ['ADDRESS_DENIED', 'UNRESOLVED_OR_PRIVATE'];

export function isAddressRow({ reason }: CaseRow): boolean {
  return ADDRESS_REASONS.includes(reason);
}

/** "DBSQL of analytics asks https://denied.example/: DROP DESTINATION_NOT_ALLOWED". */
export function titleOf({ workspace, product, asks, inside, verdict, reason }: CaseRow): string {
  const carried = typeof inside === 'object' ? `server name ${inside.sni}` : inside;
  const within = carried === undefined ? '' : ` (${carried})`;
  return `${product} of ${workspace} asks ${asks}${within}: ${verdict} ${reason}`;
}
