/** The version of this shop. Written here too, because a program built into one file has no package.json beside it. */
export const version = '0.1.0';
