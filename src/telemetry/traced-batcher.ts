import { type Batcher, type BatcherOptions, createBatcher } from '../lib/batcher.ts';
import { activeSpan, inSharedSpan, type Span } from './spans.ts';

/** A batcher whose batches are spans called `name` in the traces of those who wait for them. */
export function createTracedBatcher<Input, Output>(
  name: string,
  options: BatcherOptions<Input, Output>,
): Batcher<Input, Output> {
  const { add, waiting } = createBatcher<{ input: Input; span: Span | undefined }, Output>({
    ...options,
    run: (batch, endsAt) =>
      inSharedSpan(
        name,
        batch.map(({ span }) => span),
        () =>
          options.run(
            batch.map(({ input }) => input),
            endsAt,
          ),
      ),
  });
  return { add: (input, wait) => add({ input, span: activeSpan() }, wait), waiting };
}
