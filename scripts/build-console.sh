#!/bin/sh
# Builds the console into console/dist, unless it was made of what is there now: sh scripts/build-console.sh
set -eu
cd "$(dirname "$0")/.."

bun=node_modules/.bin/bun
[ -x "$bun" ] || bun=bun
made=console/dist/.made
sources='console clients/typescript/src tsconfig.json bun.lock scripts/build-console.sh'

# shellcheck disable=SC2086
if [ -e "$made" ] && [ -z "$(find $sources -path console/dist -prune -o -newer "$made" -print)" ]; then
  exit 0
fi

mkdir -p console/dist
: >"console/dist/.making.$$"
# Every name but the page's has a hash of what it holds, so two builds at once write the same, and browsers may keep it for
# ever. What older pages load stays for a day.
"$bun" build console/index.html --outdir console/dist --target=browser --production \
  --public-path=/console/assets/ >/dev/null
find console/dist -type f -mtime +0 -exec rm -f {} +
mv "console/dist/.making.$$" "$made"
