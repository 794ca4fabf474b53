#!/bin/sh
# The user must be there before files that belong to it. DPKG_ROOT is set when
# a package is installed into another root.
set -e
systemd-sysusers --root="${DPKG_ROOT:-/}" --replace=/usr/lib/sysusers.d/tracescrub.conf - <<EOF
u tracescrub - "tracescrub Collector" /var/lib/tracescrub
EOF
