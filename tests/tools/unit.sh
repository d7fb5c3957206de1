#!/bin/sh
# Runs every unit test program below a directory, two at a time; cmocka prints TAP when told to
# (CMOCKA_MESSAGE_OUTPUT=TAP). A program's output stays in one piece, followed by its seconds.
#
# usage: unit.sh DIR
if [ "$1" = --one ]; then
    program=$2
    log=$(mktemp)
    begun=$(date +%s)
    "$program" >"$log" 2>&1
    code=$?
    if [ $code -ne 0 ] && ! grep -q '^not ok' "$log"; then
        tail -40 "$log" | sed 's/^/# /' >"$log.tail"
        echo "not ok - $program ended with code $code" | cat - "$log.tail" >>"$log"
        rm -f "$log.tail"
    elif [ $code -eq 0 ] && ! grep -q '^ok' "$log"; then
        echo "ok - $program" >>"$log"
    fi
    printf '# %s: %d s\n' "$program" $(($(date +%s) - begun)) >>"$log"
    cat "$log"
    rm -f "$log"
    exit $code
fi
# The longest first, so that none runs alone at the end.
ls -S "$1"/*/*property_test "$1"/*/*_test 2>/dev/null | awk '!seen[$0]++' | xargs -P 2 -n 1 "$0" --one
