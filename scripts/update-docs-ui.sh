#!/bin/sh
# Takes the one file of @scalar/api-reference that the docs page needs, because the package itself installs 155 MB.
# Run it to move to another version; the result is committed.
set -eu
version=1.72.1
assets="$(cd "$(dirname "$0")/.." && pwd)/src/routes/assets"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "@scalar/api-reference@$version" >/dev/null
tar xzf scalar-api-reference-*.tgz package/dist/browser/standalone.js
gzip -9 -n <package/dist/browser/standalone.js >"$assets/scalar.js.gz"
ls -l "$assets"
