#!/usr/bin/env bash
# Regenerates and compares: fails when a generated file did not agree with its source. Compares contents,
# not commits, so it also works before a commit and without git. The new files stay, ready to be committed.
set -euo pipefail

if [[ $# -eq 0 || $1 == --help ]]; then
  cat <<'TXT'
Usage: hack/generated-is-current.sh FOLDER...

Runs "npm run generate" and fails when that changed, added or removed a file in one of the folders.
TXT
  [[ $# -gt 0 ]] && exit 0 || exit 2
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT

for folder in "$@"; do
  mkdir -p "$before/$folder"
  if [[ -d $folder ]]; then cp -R "$folder/." "$before/$folder"; fi
done
npm run --silent generate
for folder in "$@"; do
  if ! diff -ru "$before/$folder" "$folder"; then
    echo "Generated files in \"$folder\" were not current: review the new ones and commit them" >&2
    exit 1
  fi
done
