// Heads of requests by the letter, and the verdicts that most cases about the proxy protocol want.
import { denied } from './attack-case.ts';

export const OK_HOST = 'Host: example.com\r\n';
export const NO_PORT = { destination: 'example.com' } as const;
export const BAD_REQUEST = denied('BAD_REQUEST', {}, '400');
const EVIL = { destination: 'evil.example' } as const;
export const NOT_ALLOWED = denied('DESTINATION_NOT_ALLOWED', { ...EVIL, port: 443 });
export const NOT_ALLOWED_HTTP = denied('DESTINATION_NOT_ALLOWED', { ...EVIL, port: 80 });

export const connectWith = (authority: string, headers: string): string =>
  `CONNECT ${authority} HTTP/1.1\r\n${headers}\r\n`;
export const get = (target: string, headers: string): string => `GET ${target} HTTP/1.1\r\n${headers}\r\n`;
