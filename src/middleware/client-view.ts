import type { Hono } from 'hono';

/**
 * An app as a client should see it: a part of a request in which nothing is required may be left out, so that `query: {}`
 * need not be written where no query parameter is meant. `@hono/zod-openapi` requires every part that is declared.
 */
export type ClientView<App> = App extends Hono<infer E, infer S, infer Base> ? Hono<E, Lenient<S>, Base> : never;

type Lenient<S> = {
  [Path in keyof S]: {
    [Method in keyof S[Path]]: S[Path][Method] extends infer Endpoint
      ? Endpoint extends { input: infer Input }
        ? Omit<Endpoint, 'input'> & { input: OptionalParts<Input> }
        : never
      : never;
  };
};

type OptionalParts<Input> = {
  [Part in keyof Input as IsOptional<Input[Part]> extends true ? Part : never]?: Input[Part];
} & {
  [Part in keyof Input as IsOptional<Input[Part]> extends true ? never : Part]: Input[Part];
};

type IsOptional<Part> = Record<never, never> extends Part ? true : false;
