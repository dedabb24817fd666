#!/bin/sh
# Runs a TypeScript file with the Bun of this project: sh scripts/run.sh FILE [arguments]
# Needs npm or Bun on the PATH, and installs the packages of the lockfile unless they are there already.
set -eu
cd "$(dirname "$0")/.."

bun=node_modules/.bin/bun
installed=node_modules/.installed-bun.lock
unfinished=node_modules/.install-unfinished

# What an install is made of.
wanted() {
  cat bun.lock patches/*.patch
}

runs() {
  "$1" --version >/dev/null 2>&1
}

install_packages() {
  # After an install that was cut off, packages may be there whose own install scripts never ran.
  if [ -e "$unfinished" ] || ! runs "$bun"; then
    rm -rf node_modules
  fi
  mkdir -p node_modules
  : >"$unfinished"

  if runs "$bun"; then
    "$bun" install --frozen-lockfile
  elif runs bun; then
    bun install --frozen-lockfile
  elif runs npm; then
    version=$(sed -n 's/^ *"bun": "\(.*\)",*$/\1/p' package.json)
    npm exec --yes -- "bun@$version" install --frozen-lockfile
  else
    echo 'Neither npm nor Bun is on the PATH: install Node.js 20 or newer, or Bun.'
    exit 1
  fi

  wanted >"$installed"
  rm "$unfinished"
}

if ! wanted | cmp -s - "$installed"; then
  echo 'Installing packages, once ...' >&2
  install_packages >&2
fi
# The console is built with what was installed.
sh scripts/build-console.sh
exec "$bun" "$@"
