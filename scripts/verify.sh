#!/bin/sh
# Everything that can be checked without a running service: import rules, mutants, migrations, format and lint, types.
cd "$(dirname "$0")/.." || exit 1
failed=0
[ -t 1 ] && colors=force || colors=off

check() {
  name=$1
  shift
  if "$@"; then
    echo "pass: $name"
  else
    echo "fail: $name"
    failed=1
  fi
}

# First, because run.sh installs what the others need.
check 'import rules' sh scripts/run.sh scripts/check-imports.ts
check 'dependencies' sh scripts/run.sh scripts/check-dependencies.ts
check 'hosting' sh scripts/run.sh scripts/check-hosting.ts
check 'client types' sh scripts/run.sh scripts/write-client-types.ts --check
check 'mutants' sh scripts/run.sh tests/mutants/run.ts --check
# .squawk.toml says what they may not do.
check 'migrations' node_modules/.bin/squawk drizzle/*.sql
check 'format and lint' node_modules/.bin/biome ci --error-on-warnings --colors=$colors
check 'types' node_modules/.bin/tsc -p tsconfig.json
# The client package runs in browsers, and may use nothing else.
check 'types for browsers' node_modules/.bin/tsc -p clients/typescript --noEmit
check 'types of the console' node_modules/.bin/tsc -p console
# What start:node builds may use nothing that Bun adds.
check 'types for Node' node_modules/.bin/tsc -p scripts/tsconfig.node.json --noEmit

exit "$failed"
