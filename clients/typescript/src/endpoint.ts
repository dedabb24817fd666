import type { FieldError, OrderStatus, ProductBatchResult, ShortLine, StatusByCode } from './api.ts';

/** What a program should look at in a problem. Stable. */
export type ErrorCode = keyof StatusByCode;

/** What problems of some codes tell beside the rest. */
type Details = {
  validation_failed: { errors: FieldError[] };
  unknown_product: { errors: FieldError[] };
  insufficient_stock: { errors: ShortLine[] };
  stock_changed: { currentStock: number };
  batch_refused: { results: ProductBatchResult[] };
  order_too_recent: { deletableAt: string };
  order_status_conflict: { currentStatus: OrderStatus };
  missing_scope: { scope: string };
};

type ProblemOf<Code extends ErrorCode> = {
  /** Leads to the line of the code in the shop's documentation. */
  type: string;
  title: string;
  status: StatusByCode[Code];
  /** What happened, in a sentence for people. */
  detail: string;
  code: Code;
  requestId: string;
} & (Code extends keyof Details ? Details[Code] : unknown);

/** A refusal as an RFC 9457 problem document. Once `code` is compared, the type knows what comes with it. */
export type Problem<Codes extends ErrorCode = ErrorCode> = { [Code in Codes]: ProblemOf<Code> }[Codes];

/** What `hc` calls the form of an answer. */
type FormatOf<Body> = [Body] extends [undefined] ? 'body' : [Body] extends [string] ? 'text' : 'json';

/** A route for `hc`: what goes in, what comes out by status (text where it is no JSON), the codes of its problems. */
export type Endpoint<Input, Answers, Codes extends ErrorCode> =
  | {
      [Status in keyof Answers]: {
        input: Input;
        output: Answers[Status];
        outputFormat: FormatOf<Answers[Status]>;
        status: Status;
      };
    }[keyof Answers]
  | {
      [Code in Codes]: { input: Input; output: Problem<Code>; outputFormat: 'json'; status: StatusByCode[Code] };
    }[Codes];
