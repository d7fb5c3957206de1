#!/bin/sh
# Runs every unit test program below a directory; cmocka prints TAP when told to (CMOCKA_MESSAGE_OUTPUT=TAP).
failed=0
for program in "$1"/*/*_test; do
    name=${program#"$1"/}
    log=$(mktemp)
    "$program" >"$log" 2>&1
    code=$?
    cat "$log"
    if ! grep -q '^not ok' "$log"; then
        if [ $code -ne 0 ]; then
            echo "not ok - $name ended with code $code"
            sed 's/^/# /' "$log" | tail -40
        elif ! grep -q '^ok' "$log"; then
            echo "ok - $name"
        fi
    fi
    [ $code -eq 0 ] || failed=1
    rm -f "$log"
done
exit $failed
