import { aimAtAuthority, aimAtUrl } from './aim.ts';

describe('aimAtUrl()', () => {
  test.each([
    ['https://example.com', { host: 'example.com', port: 443, authority: 'example.com:443', path: '/' }],
    ['https://Example.COM./a?b', { host: 'Example.COM.', authority: 'Example.COM.:443', path: '/a?b' }],
    [
      'http://example.com:8080/x',
      { port: 8080, authority: 'example.com:8080', hostHeader: 'example.com:8080' },
    ],
    ['http://a.com@b.com/', { host: 'b.com', hostHeader: 'b.com', url: 'http://a.com@b.com/' }],
    ['https://[::1]:8443/', { host: '::1', port: 8443, authority: '[::1]:8443' }],
    ['http://a.com%2e/?q#f', { host: 'a.com%2e', path: '/?q' }],
  ])('takes %s apart without changing a letter', (url, pieces) => {
    expect(aimAtUrl(url)).toMatchObject(pieces);
  });

  test('names the fix for what is no URL', () => {
    expect(() => aimAtUrl('example.com')).toThrow(
      'Cannot ask for "example.com": write a URL such as "https://example.com/"',
    );
  });
});

describe('aimAtAuthority()', () => {
  test.each([
    ['example.com:22', { host: 'example.com', port: 22, authority: 'example.com:22' }],
    ['example.com:00443', { port: 443, authority: 'example.com:00443' }],
    ['no-port', { host: 'no-port', authority: 'no-port' }],
  ])('keeps %s as the authority', (authority, pieces) => {
    expect(aimAtAuthority(authority, '/')).toMatchObject(pieces);
  });
});
