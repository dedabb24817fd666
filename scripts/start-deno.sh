#!/bin/sh
# Runs the API on Deno, or the worker: sh scripts/start-deno.sh [worker]
set -eu
cd "$(dirname "$0")/.."

# Installs the packages, Deno among them, and builds the console, unless they are there.
sh scripts/run.sh --version >/dev/null
# The program itself: the wrapper that its package puts in front of it does not pass signals on.
deno=$(ls node_modules/@deno/*/deno 2>/dev/null || command -v deno) || {
  echo 'There is no Deno to install by npm for this platform: install it, so that it is on the PATH.' >&2
  exit 1
}
exec "$deno" run --allow-all --node-modules-dir=manual "${1:-index}.ts"
