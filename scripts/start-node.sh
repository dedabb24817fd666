#!/bin/sh
# Runs the API on Node.js 20 or newer, or the worker: sh scripts/start-node.sh [worker]
set -eu
cd "$(dirname "$0")/.."

# Installs the packages and builds the console unless they are there.
sh scripts/run.sh --version >/dev/null
# dist/ is laid out like the project, so that files find each other. It is made again when something is newer.
sources='index.ts worker.ts src console/dist/.made drizzle scripts/tsconfig.node.json tsconfig.json node_modules/.installed-bun.lock'
# shellcheck disable=SC2086
if [ ! -e dist/.made ] || [ -n "$(find $sources -newer dist/.made)" ]; then
  mkdir -p dist
  : >"dist/.making.$$"
  node_modules/.bin/tsc -p scripts/tsconfig.node.json
  cp -R drizzle dist/
  cp -R src/routes/assets dist/src/routes/
  mkdir -p dist/console
  rm -rf dist/console/dist
  cp -R console/dist dist/console/
  mv "dist/.making.$$" dist/.made
fi
exec node "dist/${1:-index}.js"
