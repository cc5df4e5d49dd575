#!/usr/bin/env bash
# qemu-img 7.2 of Debian 12: `convert -n` onto a target that is larger than the source leaves what the target held beyond
# the source's end, raw or qcow2, and its exit code is 0.
#
# Expected: a target that was converted into holds the source's bytes and then zeros, as it does when qemu-img makes it.
# Seen:     the first MiB is the source's, the second still has what was there before.
#
# What it means: a driver that writes an image onto a volume that was used before must clear the rest by itself, or make
# the volume anew; the size check that `convert` does only refuses a target that is smaller.
set -euo pipefail
VERSION=7.2
skip() { echo "cannot be looked at here: $1"; exit 0; }
command -v qemu-img >/dev/null && command -v qemu-io >/dev/null || skip "qemu-utils $VERSION of Debian 12 is not installed"
here=$(qemu-img --version | head -n 1)
[[ $here == *"version $VERSION."* ]] || skip "it is about QEMU $VERSION of Debian 12, and here is $here"
echo "$here"
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
truncate -s 1M source
printf head | dd of=source conv=notrunc status=none
seen=
for format in raw qcow2; do
    for made in before "by qemu-img"; do
        rm -f target
        keep=()
        if [ "$made" = before ]; then
            qemu-img create -q -f "$format" target 2M
            qemu-io -f "$format" -c 'write -P 0x41 0 2M' target >/dev/null
            keep=(-n)
        fi
        qemu-img convert "${keep[@]}" -f raw -O "$format" source target
        qemu-img convert -f "$format" -O raw target bytes
        size=$(stat -c %s bytes)
        old=$(tr -cd A <bytes | wc -c)
        echo "$format, made $made: $size bytes, $old of them from before"
        seen+="$size/$old "
    done
done
[ "$seen" = "2097152/1048576 1048576/0 2097152/1048576 1048576/0 " ]
