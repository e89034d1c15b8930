#!/usr/bin/env bash
# Makes the types of openapi.yaml and checks the UI's scripts against them. usage: check-types.sh [DIRECTORY]
# The types and a copy of the configuration go into the directory, by default target/ui-types.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
into=${1:-target/ui-types}
mkdir -p "$into"
tests/node_modules/.bin/openapi-typescript openapi.yaml --output "$into/standin-api.d.ts" >/dev/null
printf '{ "extends": "%s", "compilerOptions": { "paths": { "standin-api": ["%s"] } }, "include": ["%s", "%s"] }\n' \
  "$PWD/tests/whole/ui/tsconfig.json" "$(realpath "$into")/standin-api.d.ts" "$PWD/admin-ui/**/*.js" "$PWD/admin-ui/**/*.d.ts" >"$into/tsconfig.json"
tests/node_modules/.bin/tsc --project "$into/tsconfig.json"
