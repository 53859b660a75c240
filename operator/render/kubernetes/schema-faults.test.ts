import { findSchemaFaults } from './schema-faults.ts';

function faultsOf(field: Readonly<Record<string, unknown>>): readonly string[] {
  return findSchemaFaults({
    type: 'object',
    description: 'All.',
    properties: { field: { description: 'One.', ...field } },
  });
}

describe('findSchemaFaults()', () => {
  it.each([
    ['has no single type', { anyOf: [{ type: 'string' }] }],
    ['uses anyOf', { type: 'integer', format: 'int32', anyOf: [] }],
    ['is not described', { type: 'boolean', description: undefined }],
    ['has no maxItems', { type: 'array', 'x-kubernetes-list-type': 'atomic', items: { type: 'boolean' } }],
    ['has no list type', { type: 'array', maxItems: 1, items: { type: 'boolean' } }],
    ['has no maxLength', { type: 'string' }],
    ['is a number with a fraction', { type: 'number' }],
    ['has no integer format', { type: 'integer' }],
    ['has no maxProperties', { type: 'object', additionalProperties: { type: 'boolean', description: 'x' } }],
    ['has a pattern that the API server cannot run', { type: 'string', maxLength: 9, pattern: '(?!x)' }],
    [
      'requires a, which has a default',
      {
        type: 'object',
        required: ['a'],
        properties: { a: { type: 'boolean', description: 'A.', default: true } },
      },
    ],
    ['requires a, which it does not describe', { type: 'object', required: ['a'] }],
  ])('tells that a field %s', (fault, field) => {
    expect(faultsOf(field)).toContain(`"field" ${fault}`);
  });

  it.each([
    { type: 'boolean' },
    { type: 'string', enum: ['A'] },
    {
      type: 'array',
      maxItems: 2,
      'x-kubernetes-list-type': 'atomic',
      items: { type: 'string', maxLength: 3 },
    },
  ])('has nothing against %j', (field) => {
    expect(faultsOf(field)).toEqual([]);
  });
});
