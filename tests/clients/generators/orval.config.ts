export default {
  shop: {
    input: './made/openapi.json',
    output: {
      target: 'made/orval/shop.ts',
      mode: 'split',
      client: 'fetch',
      baseUrl: { getBaseUrlFromSpecification: true },
    },
  },
};
