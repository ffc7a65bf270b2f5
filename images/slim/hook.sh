#!/bin/sh
# Runs inside the image as root, without a network, once packages and files are in place.
set -eu

useradd --uid 1000 --user-group --no-create-home --shell /bin/bash --groups sudo,audio,video user
echo 'user:password' | chpasswd
install -d -o user -g user /home/user

# The guest copies this skeleton into each desktop's empty home. git keeps no empty folders.
home=/usr/share/deskswarm/home
mkdir -p $home/Desktop $home/Documents $home/Downloads $home/Music $home/Pictures $home/Public \
    $home/Templates $home/Videos
cp /etc/skel/.bashrc /etc/skel/.profile $home/
touch $home/.Xauthority $home/.sudo_as_admin_successful

# Each desktop writes its own id to /run; a backend mounts the guest's code on the empty folder.
ln -sf /run/machine-id /etc/machine-id
mkdir -p /var/lib/dbus
ln -sf /run/machine-id /var/lib/dbus/machine-id
mkdir -p /opt/deskswarm/guest/deskswarm_guest

# The panel shows the launchers in the order of their places.
add_launcher=/usr/share/deskswarm/add-launcher
$add_launcher 20 thunar
$add_launcher 30 lxterminal
$add_launcher 40 org.xfce.mousepad

dconf update
python3 -m compileall -q /opt/deskswarm/lib

rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/lib/dpkg/*-old
find /var/log -type f -delete
