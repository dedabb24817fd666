/** Where a client on this machine reaches what listens on `host`. */
export function urlOf(host: string, port: number): string {
  const loopback: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const name = loopback[host] ?? host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** What a person sees when the shop is ready: where things are, and how to place a first order. */
export function welcome(apiUrl: string, notes: [title: string, text: string][]): string {
  const lines = [
    ['Console', `${apiUrl}/console (to run the shop: sign in as the admin)`],
    ['API', apiUrl],
    ['Docs', `${apiUrl}/docs`],
    ...notes,
  ].map(([title = '', text]) => `  ${title.padEnd(9)} ${text}`);
  return `The shop is open.

${lines.join('\n')}

To place an order, paste this into another terminal:

API=${apiUrl}
JSON='Content-Type: application/json'
ME='"email":"ada@shop.localhost","password":"correct horse"'
curl -sw "\\n" $API/api/auth/register -H "$JSON" -d "{\\"name\\":\\"Ada\\",$ME}"
TOKEN=$(curl -s $API/api/auth/login -H "$JSON" -d "{$ME}" | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
PRODUCT=$(curl -s "$API/api/products?inStock=true&limit=1" | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')
curl -sw "\\n" $API/api/orders -H "$JSON" -H "Authorization: Bearer $TOKEN" -d "{\\"items\\":[{\\"productId\\":\\"$PRODUCT\\",\\"quantity\\":1}]}"

Ctrl-C stops the shop; its data stay.
`;
}
