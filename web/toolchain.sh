#!/usr/bin/env bash
# Finds or installs what the page is built and tested with, and writes the settings to a file that
# the Makefile's recipes source:  web/toolchain.sh ENV_FILE [test|check|release]
#
# WASM: rustup's target where rustup can add it; otherwise the distribution's Rust, which compiles
# the standard library itself. System packages are installed only when running as root; otherwise
# the one command to type is printed.
set -euo pipefail
env_file=$1
cache="${XDG_CACHE_HOME:-$HOME/.cache}/unstamp"
mkdir -p "$cache" "$(dirname "$env_file")"

say() { printf 'toolchain: %s\n' "$*" >&2; }

# packages NAME... : makes sure Debian packages are there.
packages() {
  local missing=()
  for name in "$@"; do dpkg -s "$name" >/dev/null 2>&1 || missing+=("$name"); done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say "installing ${missing[*]}"
    (apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}") >"$cache/apt.log" 2>&1 ||
      { tail -5 "$cache/apt.log" >&2; exit 1; }
  else
    say "these packages are missing; install them and run make again:"
    echo "  sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
}

# installed PROGRAM VERSION OPT_LEVEL PACKAGE [FLAGS...] : a cargo tool of just this version, built lightly.
installed() {
  local program=$1 version=$2 level=$3 package=$4
  shift 4
  if "$program" --version 2>/dev/null | grep -qwF "$version"; then return; fi
  if "$cache/bin/$program" --version 2>/dev/null | grep -qwF "$version"; then return; fi
  say "building $package $version (once; a few minutes)"
  local install=(cargo install "$package" --version "$version" --root "$cache" "$@")
  export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=$level CARGO_PROFILE_RELEASE_DEBUG=0
  CARGO_TARGET_DIR="$cache/build" "${install[@]}" --locked >"$cache/$program.log" 2>&1 ||
    CARGO_TARGET_DIR="$cache/build" "${install[@]}" >"$cache/$program.log" 2>&1 ||
    { tail -5 "$cache/$program.log" >&2; exit 1; }
}

command -v cargo >/dev/null || { say "Rust is missing; install rustup first"; exit 1; }
# wasm-bindgen reads programs of many megabytes; trunk only copies files and starts cargo. They need no
# encryption, because everything that they could download is here.
installed wasm-bindgen 0.2.130 1 wasm-bindgen-cli --no-default-features
installed trunk 0.21.14 0 trunk --no-default-features
case "${2:-}" in
  check)
    installed cargo-deny 0.20.2 0 cargo-deny --no-default-features
    installed cargo-machete 0.9.2 0 cargo-machete
    ;;
  release) installed cargo-cyclonedx 0.5.9 0 cargo-cyclonedx ;;
esac
rm -rf "$cache/build"

target=wasm32-unknown-unknown
has_target() { [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; }
has_target || $(command -v timeout >/dev/null && echo timeout 120) rustup target add $target >"$cache/rustup.log" 2>&1 || true
{
  echo "export PATH=\"$cache/bin:\$PATH\""
  echo 'export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C target-feature=+simd128"'
} >"$env_file.part"
if has_target; then
  say "WASM by rustup's target"
else
  packages rustc-web cargo-web rust-web-src rust-web-clippy
  linker="$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld"
  [ -x "$linker" ] || { packages lld; linker=$(command -v wasm-ld); }
  say "WASM by the distribution's Rust, standard library from source"
  cat >>"$env_file.part" <<END
export PATH="$cache/bin:/usr/bin:\$PATH" RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
export CARGO_UNSTABLE_BUILD_STD=std,panic_abort CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$linker"
END
fi

if [ "${2:-}" = test ]; then
  command -v "${CHROMIUM:-chromium}" >/dev/null || packages chromium fonts-dejavu-core
  ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1 || packages mesa-vulkan-drivers
fi
mv "$env_file.part" "$env_file"
