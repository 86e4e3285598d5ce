#!/bin/sh
# From mmdebstrap's tar file to what qemu boots. Runs as root, or as root of a user namespace.
# $1: the folder with root.tar in it.
set -eu
cd "$1"
mkdir root
tar -C root --numeric-owner -xf root.tar
rm root.tar
cp root/boot/vmlinuz-* vmlinuz
cp root/boot/initrd.img-* initrd.img
truncate --size=2G root.img
# From the directory: from a tar file it stops at a name that is not ASCII.
mke2fs -q -t ext4 -L root -d root root.img
rm -rf root
