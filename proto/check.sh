#!/usr/bin/env bash
# Are the contracts clean, and do yesterday's clients still understand them? Offline.
#
#   build/buf/now     candour -> proto/candour            google -> site-packages/google
#   build/buf/before  candour as it was at the base       google -> the same
#
# AGAINST names the base of `buf breaking`: a git revision, or "none". By default it is the
# last tag; before the first tag, main; where that is this very commit, there is nothing to compare.
set -euo pipefail
cd "$(dirname "$0")/.."
buf=$PWD/.venv/bin/buf
google=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/google

lay() { # folder, candour's place
  mkdir -p "$1"
  cp proto/buf.yaml "$1/buf.yaml"
  ln -sfn "$google" "$1/google"
  [ "$2" = "$1/candour" ] || ln -sfn "$2" "$1/candour"
}

base() { # prints a revision that holds contracts, or nothing
  local revision
  for revision in "$(git describe --tags --abbrev=0 2>/dev/null || true)" origin/main main; do
    [ -n "$revision" ] && holds "$revision" && echo "$revision" && return
  done
  return 0
}

holds() { git rev-parse --verify --quiet "$1:proto/candour" >/dev/null 2>&1; }

rm -rf build/buf
lay build/buf/now "$PWD/proto/candour"

"$buf" format --diff --exit-code proto || { echo "proto/: run \`.venv/bin/buf format -w proto\`"; exit 1; }
(cd build/buf/now && "$buf" lint | sed 's#^#proto/#')

against=${AGAINST:-$(base)}
if [ "$against" = none ]; then
  echo "buf breaking: NOT RUN, because AGAINST=none"
elif [ -z "$against" ]; then
  echo "buf breaking: NOTHING TO COMPARE WITH: no tag and no main holds contracts yet"
elif ! holds "$against"; then
  echo "buf breaking: $against holds no proto/candour, or is no revision here"; exit 1
elif git diff --quiet "$against" -- proto/candour && [ -z "$(git ls-files --others -- proto/candour)" ]; then
  echo "buf breaking: NOTHING TO COMPARE WITH: the contracts are those of $against"
else
  mkdir -p build/buf/before
  git archive "$against" proto/candour | tar -x --strip-components=1 -C build/buf/before
  lay build/buf/before build/buf/before/candour
  (cd build/buf/now && "$buf" breaking --against ../before | sed 's#^#proto/#')
  echo "buf breaking: nothing of $against is broken"
fi

.venv/bin/python proto/generate.py --check
echo "proto: clean, and services/pb is what it says"
