/** As package.json has it; `npm run verify` compares them. */
export const version = '0.1.0';
