import { isReason, REASONS } from './reason.ts';

describe('isReason()', () => {
  it.each(Object.keys(REASONS))('knows %s', (code) => {
    expect(isReason(code)).toBe(true);
  });

  it.each(['', 'constructor', 'toString', 'destination_allowed', 'DROP'])('does not know %j', (text) => {
    expect(isReason(text)).toBe(false);
  });
});

describe('REASONS', () => {
  it('are sentences without an end, so that they fit into others', () => {
    const ends = Object.values(REASONS).filter((text) => /[.!]$/.test(text) || /^[A-Z][a-z]/.test(text));
    expect(ends).toEqual([]);
  });
});
