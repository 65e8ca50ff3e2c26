#!/bin/bash
# Unpacks an archive of `make release` in a root that has no Rust, and uses it there:  tests/release.sh ARCHIVE
#
# The root is a minimal Debian that debootstrap makes, so it runs as root where debootstrap is installed.
set -euo pipefail
archive=$(realpath "$1")
if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
  echo "release check skipped: it needs the rights of root and debootstrap"
  exit 0
fi
root=$(mktemp -d)
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf --one-file-system "$root" "$root.log"' EXIT
debootstrap --variant=minbase stable "$root" >"$root.log" 2>&1 || { tail -5 "$root.log"; exit 1; }
mount -t proc proc "$root/proc"
(cd "$(dirname "$archive")" && sha256sum --check "$(basename "$archive").sha256")
tar -xzf "$archive" -C "$root/opt"
inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/bin:/bin bash -euo pipefail -c "cd /opt/unstamp-*; $1"; }
inside '! command -v cargo rustc cc'
inside './unstamp --version'
inside './unstamp list >/root/list && head -3 /root/list'
inside '. completions/unstamp.bash'
inside 'test -s man/unstamp.1 && test -s man/unstamp-erase.1 && test -s unstamp.cdx.json'
inside 'test ! -d site || ./unstamp eval --model site/models/s0-badnets.safetensors --attack badnets'
inside './unstamp run recipes/quick.toml --dry-run'
inside './unstamp --quiet poison --dataset signs --attack badnets --epochs 1 --out /root/victim && ls /root/victim'
# The page, asked by bash itself.
inside 'test ! -d site || {
  ./unstamp serve site --port 18974 >/root/log & server=$!
  sleep 2
  exec 3<>/dev/tcp/127.0.0.1/18974
  printf "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" >&3
  grep -m1 "200 OK" <&3
  kill $server
}'
echo "release check: passed"
