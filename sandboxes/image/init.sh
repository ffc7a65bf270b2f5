#!/bin/sh
# A virtual machine's first program, in busybox: it mounts the image and what a desktop may write to, and hands
# over to the guest's code (sandboxes/guest/machine.py). The words of the kernel's command line are its variables.
set -eu

mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o nosuid,noexec devtmpfs /dev
chmod 600 /dev/kmsg
for module in $(cat /modules/order); do
    insmod "/modules/$module"
done

# Its own disk is for root alone to write to: no set-user-id program of it works for anybody else.
case "$DESKSWARM_ROOT" in
1) root_options=rw,noinit_itable ;;
*) root_options=ro,nosuid,nodev ;;
esac
mount -t ext4 -o "noatime,$root_options" /dev/vda /root
mount -t tmpfs -o "size=16m,mode=755,nosuid,nodev" tmpfs /own
cp -r /guest /own/guest
printf '127.0.0.1 localhost\n127.0.1.1 desktop\n::1 localhost ip6-localhost ip6-loopback\n' >/own/hosts
mount --bind /own/guest /root/opt/deskswarm/guest/deskswarm_guest
mount -o remount,bind,ro /root/opt/deskswarm/guest/deskswarm_guest
mount --bind /own/hosts /root/etc/hosts

mkdir /dev/pts /dev/shm
mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
for folder in proc sys dev; do
    mount --move "/$folder" "/root/$folder"
done
while read -r folder mode; do
    mount -t tmpfs -o "size=$DESKSWARM_DISK,mode=$mode,uid=1000,gid=1000,nosuid,nodev" tmpfs "/root$folder"
done </private

ip link set lo up
hostname desktop
exec switch_root /root /usr/bin/python3 -m deskswarm_guest machine
