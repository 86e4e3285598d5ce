#!/bin/sh
# A hook of mmdebstrap: makes a fresh Debian boot quickly in qemu, without any network but its simulator's.
# $1 is the root of the new system. OFFER_DEBS: packages that guests can install, from a repository in the image.
set -eu
root=$1

# Only the drivers that the machine has.
printf 'MODULES=list\nCOMPRESS=zstd\n' > "$root/etc/initramfs-tools/conf.d/simulator"
printf '%s\n' virtio_pci virtio_blk virtio_net virtio_rng ext4 > "$root/etc/initramfs-tools/modules"
chroot "$root" update-initramfs -u

# Each guest is a new machine, and its only file system is named by the kernel's command line.
: > "$root/etc/machine-id"
: > "$root/etc/fstab"
touch "$root/etc/.updated" "$root/var/.updated"

# Nothing that a short life has no use for.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer getty@tty1.service serial-getty@ttyS0.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# Python modules of packages that a guest installs are compiled when they are used: most never are, in a short life.
chroot "$root" dpkg-divert --local --rename --add /usr/bin/py3compile
ln -s /bin/true "$root/usr/bin/py3compile"

# Only the first network of a guest answers.
drop_in="$root/etc/systemd/system/systemd-networkd-wait-online.service.d"
mkdir -p "$drop_in"
cat > "$drop_in/any.conf" << 'EOF'
[Service]
ExecStart=
ExecStart=/usr/lib/systemd/systemd-networkd-wait-online --any --timeout=60
EOF

# As in UpCloud's own templates: keys are for root, too.
printf 'disable_root: false\n' > "$root/etc/cloud/cloud.cfg.d/90-upcloud.cfg"

# What guests can install.
mkdir -p "$root/srv/offline/debs"
if [ -n "${OFFER_DEBS:-}" ]; then
    rm -f "$root"/var/cache/apt/archives/*.deb
    # By apt of this machine: inside, names are not resolved any more.
    # shellcheck disable=SC2086 # it is a list
    APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get install --yes --no-install-recommends --download-only $OFFER_DEBS
    # There is none if the image has them all.
    find "$root/var/cache/apt/archives" -name '*.deb' -exec mv '{}' "$root/srv/offline/debs/" ';'
fi
(
    cd "$root/srv/offline/debs"
    for deb in *.deb; do
        [ -e "$deb" ] || continue
        dpkg-deb --field "$deb"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' \
            "$deb" "$(stat --format=%s "$deb")" "$(sha256sum "$deb" | cut -d ' ' -f 1)"
    done > Packages
)
rm -rf "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*
cat > "$root/etc/apt/sources.list.d/offline.sources" << 'EOF'
# The guest has no way to an archive: this is what its image offers.
Types: deb
URIs: file:/srv/offline/debs
Suites: ./
Trusted: yes
EOF
printf '[global]\nno-index = true\nfind-links = file:///srv/offline/wheels\n' > "$root/etc/pip.conf"
mkdir -p "$root/srv/offline/wheels"
if [ -n "${WHEELS:-}" ]; then
    cp "$WHEELS"/*.whl "$root/srv/offline/wheels/"
fi
