#!/bin/sh
# Says what is wrong with settings.ini.
cd "$(dirname "$0")" || exit
value() { sed -n "s/^$1 = //p" settings.ini; }
[ "$(value port)" = 8080 ] || { echo "port must be 8080"; exit 1; }
[ "$(value level)" = info ] || { echo "level must be info"; exit 1; }
echo "All settings are right"
