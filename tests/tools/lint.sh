#!/bin/sh
# The house rules a machine can hold, each a case: make lint.
cd "$(dirname "$0")/../.." || exit 1
failed=0

# verdict NAME COMPLAINTS
verdict() {
    if [ -z "$2" ]; then
        echo "ok - $1"
    else
        echo "not ok - $1"
        printf '%s\n' "$2" | head -60 | sed 's/^/# /'
        failed=1
    fi
}

sources=$(find sensor include -name '*.[ch]' -o -path 'include/*.def')

verdict "top-level entries" "$(git ls-files | cut -d/ -f1 | sort -u |
    grep -vxE 'sensor|rules|include|tests|pcaps|Makefile|README\.md|\..*')"
verdict "folders include only what stands before them" "$(/usr/bin/python3 tests/tools/include_order.py)"
verdict "banned functions" "$(grep -nE \
    '(^|[^a-zA-Z0-9_>.])(strcpy|strcat|sprintf|vsprintf|strtok|atoi|gets|alloca|rand|localtime|popen|system)[[:space:]]*\(' \
    $sources | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)')"
verdict "no file over 900 lines" "$(wc -l $sources | awk '$2 != "total" && $1 > 900 { print $2 ": " $1 " lines" }')"
verdict "no line over 120 columns" "$(awk 'length($0) > 120 && !/OPTION\(|FACT_|COUNTER\(|GAUGE\(|EVASION\(/ \
    { print FILENAME ":" FNR ": " length($0) }' $sources)"
verdict "a file opens with its purpose" "$(for file in $(find sensor -name '*.c') include/*.h; do
    head -1 "$file" | grep -q '^/\*' || echo "$file"; done)"
verdict "words of unfinished work" "$(grep -nwE 'TODO|FIXME|XXX|HACK|stub|placeholder' $sources)"
verdict "no tabs, no trailing blanks" "$(grep -nE "$(printf '\t')|[[:space:]]$" $sources)"
verdict "no mutable file-scope state" "$(grep -nE '^static [^(]*(=|;)[^(]*$' $(find sensor -name '*.c') |
    grep -vE '^[^:]*:[0-9]+:static (const|_Atomic const|inline)|const |_Atomic')"
verdict "pcaps under 10 MB" "$(du -sk pcaps | awk '$1 > 10240 { print $1 " KiB" }')"
if [ -x build/dlp-sensor ]; then
    verdict "rules/README.md holds the current table of variables" "$(build/dlp-sensor rules variables | grep '^| `' |
        while IFS= read -r line; do grep -qxF -- "$line" rules/README.md || printf '%s\n' "$line"; done 2>&1)"
fi
if command -v cppcheck >/dev/null; then
    verdict "cppcheck" "$(timeout 240 cppcheck -q -j2 --std=c11 --enable=warning,performance,portability \
        --suppressions-list=tests/tools/cppcheck.txt \
        -D_GNU_SOURCE -D__GNUC__ -Iinclude -Isensor --template='{file}:{line}: {severity}: {message} [{id}]' \
        sensor 2>&1 | grep -E '^[^:]+:[0-9]+: ')"
fi
exit $failed
