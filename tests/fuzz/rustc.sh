#!/bin/sh
# Compiles a crate of this workspace so that libFuzzer sees which code an input reaches. Cargo calls it for these
# crates only (RUSTC_WORKSPACE_WRAPPER), so what they depend on is not compiled again. The flags are those of
# `cargo fuzz`, without a sanitizer, because the readers have no unsafe code.
rustc=$1
shift
case " $* " in
  # These run while the build runs, without libFuzzer.
  *" build_script_build "* | *" proc-macro "*) exec "$rustc" "$@" ;;
esac
exec "$rustc" "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks
