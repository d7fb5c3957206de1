#!/bin/sh
# Installs the Debian packages that are missing, and runs apt only then. A test needs servers' programs, not their
# services: none is started now (policy-rc.d says no while apt runs) or at the next boot.
#
# usage: need.sh PACKAGE...
missing=
for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
before=$(dpkg-query -W -f '${Package}\n')
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ] && printf '#!/bin/sh\nexit 101\n' 2>/dev/null >$policy; then
    trap 'rm -f $policy' EXIT
    trap 'exit 1' HUP INT TERM
    chmod 755 $policy
fi
# shellcheck disable=SC2086 # a list of words
{ apt-get -q update && apt-get -q install -y --no-install-recommends $missing; } >&2 ||
    { echo "could not install; as root: apt-get install$missing" >&2; exit 1; }
command -v systemctl >/dev/null || exit 0
for package in $(dpkg-query -W -f '${Package}\n' | grep -vxF "$before"); do
    for unit in $(dpkg -L "$package" | sed -n 's|^\(/usr\)\?/lib/systemd/system/\([^/@]*\.service\)$|\2|p'); do
        systemctl disable -q "$unit" 2>/dev/null
    done
done
exit 0
