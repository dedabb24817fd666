const pieceCharacters = 64 * 1024;

/**
 * Hands text out in pieces as they are asked for, so that a caller who reads slowly keeps no more than one waiting. Where
 * making it fails, the stream breaks.
 */
export function streamText(parts: AsyncGenerator<string>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      pull: async (controller) => {
        let piece = '';
        while (piece.length < pieceCharacters) {
          const { value, done } = await parts.next();
          if (done) {
            if (piece !== '') controller.enqueue(encoder.encode(piece));
            controller.close();
            return;
          }
          piece += value;
        }
        controller.enqueue(encoder.encode(piece));
      },
      cancel: async () => {
        await parts.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
