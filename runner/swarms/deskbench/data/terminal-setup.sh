#!/bin/sh
# Asks three questions and writes down what was answered.
cd || exit
printf 'Name of the project? '
read -r name
printf 'Port? '
read -r port
printf 'There is a project.ini already. Replace it (yes/no)? '
read -r replace
target=project.ini
[ "$replace" = yes ] || target=project-new.ini
printf 'name=%s\nport=%s\n' "$name" "$port" > "$target"
