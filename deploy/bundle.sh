#!/bin/sh
# Bundles what the image runs into a directory: sh deploy/bundle.sh DIRECTORY
# The bundle finds drizzle/, src/routes/assets/ and console/dist/ where they are now, because in CommonJS, which bytecode asks for, Bun
# writes down the place of every source.
set -eu
mkdir -p "$1"
directory=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

bun=node_modules/.bin/bun
[ -x "$bun" ] || bun=bun

# Names are kept and a map is made, so that a stack trace in the log names lines of the source.
"$bun" build deploy/shop.ts --outdir "$directory" --target=bun --format=cjs --bytecode \
  --minify-syntax --minify-whitespace --sourcemap=linked
