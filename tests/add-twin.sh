#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: add-twin.sh TREE
# Adds a client to a copy of this tree, as CONTRIBUTING.md says how: one folder,
# which is a copy of the smallest client's under another name.
set -eu
cd "$1/clients"
cp -r klog twin
find twin -name '*klog*' | while read -r file; do
	mv "$file" "$(echo "$file" | sed 's/klog/twin/')"
done
find twin -type f -exec sed -i 's/\(bufflink.\|client_\|demo-\|clients.\)klog/\1twin/g
	s/\(BUFFLINK.\)KLOG/\1TWIN/g' {} +
