import { request as requestByHttp } from 'node:http';
import { request as requestByHttps } from 'node:https';
import { checkedLookup, type Resolve, urlFault, type WebTargets } from '../lib/web-targets.ts';

/** What is read of an answer that is no success; the rest does not matter. */
const answerBytesMax = 65_536;

/** What a receiver answered; `body` is empty for a success, which needs none. */
export type PostAnswer = { status: number; body: string; retryAfter: string | undefined };

export type Post = (
  url: string,
  headers: Record<string, string>,
  body: string,
  withinMs: number,
) => Promise<PostAnswer>;

type PostOptions = { targets: WebTargets; resolve?: Resolve };

/**
 * Makes what posts JSON to an address that somebody else has chosen: looked up once, checked, and connected to as it was
 * found. It follows no redirect, asks no proxy, believes no certificate that does not hold.
 * @throws the post does, when there was no answer: what kept it away, or that the time was over
 */
export function createPost({ targets, resolve }: PostOptions): Post {
  const lookup = checkedLookup(targets, resolve);
  return (url, headers, body, withinMs) =>
    new Promise((done, fail) => {
      // An address that stands in the URL is connected to without a lookup.
      const fault = urlFault(url, targets);
      if (fault) {
        fail(new Error(`the URL ${fault}`));
        return;
      }
      const request = new URL(url).protocol === 'https:' ? requestByHttps : requestByHttp;
      const sent = request(url, {
        method: 'POST',
        agent: false,
        lookup,
        rejectUnauthorized: true,
        headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
      });
      let giveUp = () => end(() => fail(new Error(`no answer within ${withinMs} ms`)));
      const late = setTimeout(() => giveUp(), withinMs);
      let ended = false;
      function end(tell: () => void): void {
        if (ended) return;
        ended = true;
        clearTimeout(late);
        tell();
        sent.destroy();
      }
      sent.on('error', (error) => end(() => fail(error)));
      sent.on('response', (response) => {
        const status = response.statusCode ?? 0;
        // What breaks once the answer is known does not matter.
        response.on('error', () => {});
        const parts: Buffer[] = [];
        let bytes = 0;
        const answer = () =>
          end(() =>
            done({ status, body: Buffer.concat(parts).toString(), retryAfter: response.headers['retry-after'] }),
          );
        if (status >= 200 && status < 300) {
          answer();
          return;
        }
        // Whatever becomes of the rest: the status has been given.
        giveUp = answer;
        response.on('data', (part: Buffer) => {
          parts.push(part);
          bytes += part.byteLength;
          if (bytes >= answerBytesMax) answer();
        });
        for (const event of ['end', 'close', 'error']) response.on(event, answer);
      });
      sent.end(body);
    });
}
