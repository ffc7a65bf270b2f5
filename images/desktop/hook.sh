#!/bin/sh
# Runs after slim's hook, inside the image as root, without a network.
set -eu

# Tasks end the browser by `pkill chrome`, which matches the name of the executable.
mv /usr/lib/chromium/chromium /usr/lib/chromium/chrome
ln -s chrome /usr/lib/chromium/chromium
for name in chromium chromium-browser google-chrome-stable; do
    ln -sf google-chrome /usr/local/bin/$name
done
ln -sf /usr/local/bin/google-chrome /usr/bin/chromium
ln -s chromium.desktop /usr/share/applications/google-chrome.desktop

add_launcher=/usr/share/deskswarm/add-launcher
$add_launcher 10 chromium
$add_launcher 50 libreoffice-writer
$add_launcher 51 libreoffice-calc
$add_launcher 52 libreoffice-impress
$add_launcher 60 gimp
$add_launcher 61 vlc
$add_launcher 62 org.gnome.Evince

python3 -m compileall -q /usr/local/lib/python3.11/dist-packages
update-desktop-database -q /usr/share/applications
