import { createLane, type Lane, type LaneOptions } from './lane.ts';
import { activeSpan, inSharedSpan, type Span } from './spans.ts';

/** A lane whose batches are spans called `name` in the traces of those who wait for them. */
export function createTracedLane<Input, Output>(
  name: string,
  options: LaneOptions<Input, Output>,
): Lane<Input, Output> {
  const { submit, waiting } = createLane<{ input: Input; span: Span | undefined }, Output>({
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
  return { submit: (input) => submit({ input, span: activeSpan() }), waiting };
}
