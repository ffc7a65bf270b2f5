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

launchers=/usr/share/deskswarm/launchers
ln -s /usr/share/applications/chromium.desktop $launchers/10-browser.desktop
ln -s /usr/share/applications/libreoffice-writer.desktop $launchers/50-writer.desktop
ln -s /usr/share/applications/libreoffice-calc.desktop $launchers/51-calc.desktop
ln -s /usr/share/applications/libreoffice-impress.desktop $launchers/52-impress.desktop
ln -s /usr/share/applications/gimp.desktop $launchers/60-gimp.desktop
ln -s /usr/share/applications/vlc.desktop $launchers/61-vlc.desktop
ln -s /usr/share/applications/org.gnome.Evince.desktop $launchers/62-pdf.desktop

python3 -m compileall -q /usr/local/lib/python3.11/dist-packages
update-desktop-database -q /usr/share/applications
