/**
 * Text that is made a batch at a time, each when the one before has been taken: for a reader who stops asking no more is
 * made, and one who is gone ends it. What the making of a batch throws breaks the stream off.
 * @returns once the first batch is there, so that what fails at once can still be told
 */
export async function streamBatches(batches: AsyncGenerator<string, void>): Promise<ReadableStream<Uint8Array>> {
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<string, void>> | undefined = Promise.resolve(await batches.next());
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { value, done } = await (next ?? batches.next());
        next = undefined;
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: async () => {
        await batches.return();
      },
    },
    { highWaterMark: 0 },
  );
}
