export default {
  input: './made/openapi.json',
  output: 'made/hey-api',
  // What goes out and what comes in is held against the document by zod.
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', 'zod', { name: '@hey-api/sdk', validator: true }],
};
