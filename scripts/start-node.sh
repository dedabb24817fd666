#!/bin/sh
# Runs the API on Node.js 20 or newer, or the worker: sh scripts/start-node.sh [worker]
set -eu
cd "$(dirname "$0")/.."

# Installs the packages unless they are there.
sh scripts/run.sh --version >/dev/null
# dist/ is laid out like the project, so that files find each other.
node_modules/.bin/tsc -p scripts/tsconfig.node.json
cp -R drizzle dist/
cp -R src/routes/assets dist/src/routes/
exec node "dist/${1:-index}.js"
