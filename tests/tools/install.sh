#!/bin/sh
# make install into an empty root: everything is where the contract says, and the installed program finds its rules.
cd "$(dirname "$0")/../.." || exit 1
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
make --no-print-directory install DESTDIR="$root" PREFIX=/usr >"$root/log" 2>&1 ||
    { echo "not ok - make install"; tail -40 "$root/log" | sed 's/^/# /'; exit 1; }
failed=0
for path in usr/sbin/dlp-sensor usr/share/dlp-sensor/rules etc/dlp-sensor/sensor.yaml \
    usr/lib/systemd/system/dlp-sensor.service usr/share/man/man8/dlp-sensor.8 usr/share/man/man5/dlp-sensor.yaml.5; do
    if [ -e "$root/$path" ]; then echo "ok - installed: $path"; else echo "not ok - installed: $path"; failed=1; fi
done
if grep -q '^ExecStart=/usr/sbin/dlp-sensor ' "$root/usr/lib/systemd/system/dlp-sensor.service"; then
    echo "ok - the unit starts the installed program"
else
    echo "not ok - the unit starts the installed program"
    failed=1
fi
if (cd / && "$root/usr/sbin/dlp-sensor" replay -q "$OLDPWD/pcaps/put-photo.pcap") | grep -q '"event_type":"alert"'; then
    echo "ok - the installed program alerts with the installed rules"
else
    echo "not ok - the installed program alerts with the installed rules"
    failed=1
fi
if (cd / && "$root/usr/sbin/dlp-sensor" rules test "$root/usr/share/dlp-sensor/rules/tests") >"$root/cases"; then
    echo "ok - the installed cases hold"
else
    echo "not ok - the installed cases hold"
    tail -5 "$root/cases" | sed 's/^/# /'
    failed=1
fi
for page in "$root"/usr/share/man/man?/*; do
    if command -v man >/dev/null; then
        complaints=$(man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
        [ -z "$complaints" ] || { echo "not ok - $(basename "$page") formats"; echo "# $complaints"; failed=1; }
    fi
done
exit $failed
