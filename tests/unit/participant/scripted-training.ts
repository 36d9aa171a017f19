import type {
  LocalTrainer,
  LocalTraining,
  TrainingCampaign,
} from "../../../client/participant/training.ts";

/** Training without a device: every value of the update is `change`; counts what it is asked. */
export class ScriptedTraining implements LocalTraining {
  readonly device = "scripted";
  readonly change: number;
  prepare: () => Promise<void> = () => Promise.resolve();
  campaign: TrainingCampaign | undefined;
  /** Rounds begun, by their first step. */
  readonly begun: number[] = [];
  readonly students: Float32Array[] = [];
  steps = 0;
  closed = 0;
  /** Runs before a step counts; a test may pause or stop the participant here. */
  onStep: (step: number) => void | Promise<void> = () => undefined;

  constructor(change = 0.5) {
    this.change = change;
  }

  open(campaign: TrainingCampaign): Promise<LocalTrainer> {
    this.campaign = campaign;
    const { batchSize, localSteps } = campaign.config.distillation;
    return Promise.resolve({
      train: async ({ beforeStep, onStep, signal, startStep, student }) => {
        this.begun.push(startStep);
        this.students.push(student.slice());
        for (let step = 1; step <= localSteps; step++) {
          await beforeStep();
          signal.throwIfAborted();
          await this.onStep(this.steps + 1);
          this.steps++;
          onStep({ step, loss: 1 / step, images: batchSize });
        }
        signal.throwIfAborted();
        const update = new Float32Array(student.length).fill(this.change);
        return { update, examples: localSteps * batchSize, loss: 0.25, agreement: 0.75 };
      },
      close: () => void this.closed++,
    });
  }
}
