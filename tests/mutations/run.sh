#!/usr/bin/env bash
# Mutation check: does the suite notice deliberate faults?
#
#   tests/mutations/run.sh              every fault
#   tests/mutations/run.sh 12 cutout    the faults whose file name contains one of these
#
# Each file beside this one is a fault: a sentence, `find:` and `with:` (a line's part that occurs once
# in the sources, and what replaces it; several pairs are allowed), and `test:`, a file of tests/tests/suite
# (or one of tests/browser that needs no page) and the test that must fail. The fault is put into a copy of
# the working tree, so the tree itself stays as it is. Exit code 1 if a fault survives or can no longer be
# put in.
#
# The copy is built in CARGO_TARGET_DIR (target/mutations by default), which holds programs with faults in
# the end: give it a folder of its own.
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/mutations}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
(cd "$root" && git ls-files -z | tar --null --files-from=- --create --file=-) | tar -x -C "$copy"
cd "$copy"
native=(--release --workspace --exclude 'unstamp-web*')
log=$CARGO_TARGET_DIR/mutation.log
mkdir -p "$CARGO_TARGET_DIR"
bad=0

# replace FIND WITH: in the only file that has it; prints that file.
replace() {
  local files
  mapfile -t files < <(grep -rlF --include='*.rs' -- "$1" shared trainer/src)
  [ "${#files[@]}" = 1 ] || return 1
  [ "$(grep -cF -- "$1" "${files[0]}")" = 1 ] || return 1
  FIND=$1 WITH=$2 perl -0pi -e 's/\Q$ENV{FIND}\E/$ENV{WITH}/' "${files[0]}"
  echo "${files[0]}"
}

# Puts the fault of a file in; prints the files it changed.
fault() {
  local find=
  while IFS= read -r line; do
    case $line in
      "find: "*) find=${line#find: } ;;
      "with: "*) replace "$find" "${line#with: }" || { echo "not once in the sources: $find" >&2; return 1; } ;;
    esac
  done < "$1"
}

# run_test SUBJECT TEST
run_test() {
  case $1 in
    *.mjs)
      cargo build "${native[@]}" && (cd tests/browser && npm ci --no-audit --no-fund --silent &&
        UNSTAMP=$CARGO_TARGET_DIR/release/unstamp node --test --test-name-pattern "^$2\$" --test-reporter=tap "$1") ;;
    *) cargo test "${native[@]}" --test suite -- --exact "$1::$2" ;;
  esac < /dev/null > "$log" 2>&1
}

wanted() {
  [ "$#" = 1 ] && return 0
  local name=$1 part
  for part in "${@:2}"; do [[ $name == *"$part"* ]] && return 0; done
  return 1
}

# Unchanged, every named test passes; otherwise its failure says nothing.
for file in "$here"/*.txt; do
  if wanted "$(basename "$file" .txt)" "$@"; then sed -n 's/^test: //p' "$file"; fi
done | sort -u > "$copy/tests.list"
while read -r subject test; do
  run_test "$subject" "$test" && grep -qE '1 passed|^# pass 1$' "$log" || { echo "without any fault, $test of $subject does not pass: $log"; exit 1; }
done < "$copy/tests.list"

for file in "$here"/*.txt; do
  name=$(basename "$file" .txt)
  wanted "$name" "$@" || continue
  if ! changed=$(fault "$file"); then
    echo "$name: CANNOT BE PUT IN ($(head -1 "$file"))"
    bad=1
  else
    read -r subject test < <(sed -n 's/^test: //p' "$file")
    if run_test "$subject" "$test"; then
      echo "$name: SURVIVES $test ($(head -1 "$file"))"
      bad=1
    elif grep -qE "^test $subject::$test \.\.\. FAILED|^not ok [0-9]+ - $test" "$log"; then
      echo "$name: noticed by $subject $test"
    else
      echo "$name: NO TEST RAN, see $log.$name"
      cp "$log" "$log.$name"
      bad=1
    fi
  fi
  # Back to the sound sources, also where only a part of the fault could be put in.
  for path in $changed; do cp "$root/$path" "$path"; done
done
exit $bad
