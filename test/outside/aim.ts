// What a request of the client is aimed at, taken apart by the letter: no URL parser, since those repair what a test
// wants to send broken ("http://EXAMPLE.com", "http://a@b/", "%2e").
// In: a URL, or "host:port". Out: the pieces as they were written. Throws for what is neither.
export interface Aim {
  /** As written, without brackets. */
  readonly host: string;
  readonly port: number;
  /** What CONNECT asks for: "host:port" as written, the scheme's port added to a URL that has none. */
  readonly authority: string;
  /** Value of the Host header: as written, without user and password. */
  readonly hostHeader: string;
  readonly path: string;
  /** The whole as written, for the absolute form. */
  readonly url: string;
  readonly scheme: 'http' | 'https' | undefined;
}

/** "https://host[:port][/path]" or "http://...". */
export function aimAtUrl(url: string): Aim {
  const [, scheme, written = '', path = ''] = /^(https?):\/\/([^/?#]*)([^#]*)/.exec(url) ?? [];
  if (scheme !== 'http' && scheme !== 'https') {
    throw new Error(`Cannot ask for "${url}": write a URL such as "https://example.com/"`);
  }
  const hostHeader = written.slice(written.lastIndexOf('@') + 1);
  const { host, portText } = splitAuthority(hostHeader);
  const port = portText === '' ? { http: 80, https: 443 }[scheme] : Number(portText);
  const authority = portText === '' ? `${hostHeader.replace(/:$/, '')}:${port}` : hostHeader;
  return { host, port, authority, hostHeader, path: path.startsWith('/') ? path : `/${path}`, url, scheme };
}

/** "host:port", or anything else that shall stand behind CONNECT. */
export function aimAtAuthority(authority: string, path: string): Aim {
  const { host, portText } = splitAuthority(authority);
  return {
    host,
    port: Number(portText),
    authority,
    hostHeader: authority,
    path,
    url: `http://${authority}${path}`,
    scheme: undefined,
  };
}

function splitAuthority(authority: string): { host: string; portText: string } {
  const [, bracketed, plain = '', portText = ''] =
    /^(?:\[([^\]]*)\]|(.*?))(?::(\d*))?$/s.exec(authority) ?? [];
  return { host: bracketed ?? plain, portText };
}
