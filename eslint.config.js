// What only a linter with types can see, and the size limits of functions.
// Biome formats and finds the rest; test/architecture.test.ts limits the tests.
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const uncounted = { skipBlankLines: true, skipComments: true };

export default defineConfig(
  { ignores: ['**/node_modules/', 'coverage/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      complexity: ['error', 10],
      'max-depth': ['error', 3],
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', { max: 60, ...uncounted }],
      'max-params': ['error', 4],
    },
  },
  {
    files: ['**/*.test.ts'],
    rules: { 'max-lines-per-function': 'off' },
  },
);
