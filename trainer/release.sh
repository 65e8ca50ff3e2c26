#!/usr/bin/env bash
# Writes the archive of this version, its checksum and its bill of materials:  trainer/release.sh PROGRAM OUT
#
# The page goes in too where web/dist holds it. It was run on Linux; macOS and Git's bash on Windows have the same commands.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
out=$2
[ -x "$program" ] || program=$program.exe
version=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"name":"unstamp-trainer","version":"([^"]+)".*/\1/')
system=$(rustc -vV | sed -n 's/^host: //p')
name=unstamp-$version-$system
folder=$out/$name
rm -rf "$folder"
mkdir -p "$folder/completions"

cp "$program" README.md RESULTS.md CHANGELOG.md SECURITY.md CITATION.cff LICENSE-APACHE LICENSE-MIT "$folder"
for shell in bash elvish fish powershell zsh; do
  "$program" completions $shell >"$folder/completions/unstamp.$shell"
done
"$program" man --out "$folder/man" >/dev/null
mkdir "$folder/recipes"
cp trainer/recipes/*.toml "$folder/recipes"
if [ -d web/dist ]; then cp -R web/dist "$folder/site"; fi

# Every crate in the program with its version, hash and licence, in the format of CycloneDX.
cargo cyclonedx --quiet --manifest-path trainer/Cargo.toml --format json --override-filename unstamp.cdx
mv trainer/unstamp.cdx.json "$folder"
find . -name unstamp.cdx.json -not -path "./$out/*" -not -path "./target/*" -delete

tar -czf "$out/$name.tar.gz" -C "$out" "$name"
# On macOS the program is called shasum.
(cd "$out" && { sha256sum "$name.tar.gz" || shasum -a 256 "$name.tar.gz"; } 2>/dev/null >"$name.tar.gz.sha256")
rm -rf "$folder"
echo "$out/$name.tar.gz"
