import { nextStep, reasonAndNextStep } from './next-step.ts';
import { isDeniedAlways, REASONS, type Reason } from './reason.ts';

const ALL = Object.keys(REASONS) as readonly Reason[];

/** Their sentences say what to do, and after these nothing is to be done. */
const SAID_BY_REASON: readonly Reason[] = [
  ...(['FULL_ACCESS', 'DESTINATION_ALLOWED', 'STORAGE_PATH_STYLE', 'HTTPS_WITHOUT_CONNECT'] as const),
  ...(['CLIENT_SILENT', 'ECH_OUTER_NAME', 'REVOKED_WITH_SHARD'] as const),
];

describe('nextStep()', () => {
  it('says something of every reason whose own sentence does not', () => {
    expect(ALL.filter((reason) => nextStep(reason) === undefined)).toEqual(SAID_BY_REASON);
  });

  it('is a sentence without an end, short enough for a note beside a long name', () => {
    const steps = ALL.flatMap((reason) => nextStep(reason) ?? []);
    expect(steps.filter((step) => /[.!]$/.test(step) || step.length > 250)).toEqual([]);
  });

  it('names no object that would allow what every lane denies', () => {
    const steps = ALL.filter(isDeniedAlways).flatMap((reason) => nextStep(reason) ?? []);
    expect(steps.filter((step) => /PrivateEndpoint|allowed\w*Destinations/.test(step))).toEqual([]);
  });
});

describe('reasonAndNextStep()', () => {
  it('joins both, and repeats a reason of another version', () => {
    expect(reasonAndNextStep('NOT_TLS')).toBe(`${REASONS.NOT_TLS}; ${nextStep('NOT_TLS')}`);
    expect(reasonAndNextStep('CLIENT_SILENT')).toBe(REASONS.CLIENT_SILENT);
    expect(reasonAndNextStep('OF_LATER')).toBe('OF_LATER');
  });
});
