// Every row of every case through the gateway of `sallyport run`.
import { listCases, readCase } from './case-folder.ts';
import { startEmbeddedStage } from './embedded-stage.ts';
import { replayCases } from './replay-cases.ts';

replayCases({ cases: listCases().map(readCase), startStage: startEmbeddedStage });
