#!/bin/sh
# Builds every tests/fuzz/*_fuzz.c with clang's libFuzzer, ASan and UBSan against archives instrumented the same way, and
# runs each for some seconds from generated seeds. What it learns stays in build/fuzz/corpus; a crash stays in
# build/fuzz/crashes and fails the case.
#
# usage: run.sh SECONDS [NAME...]
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-60}
mkdir -p build
[ $# -gt 0 ] && shift
make --no-print-directory -s -j2 CC=clang BUILD=build/fuzz SAN=fuzzer-no-link,address,undefined OPT=-O1 fuzz-programs \
    >build/fuzz-build.log 2>&1 || { echo "not ok - the fuzz targets build"; tail -60 build/fuzz-build.log | sed 's/^/# /'; exit 1; }
/usr/bin/python3 tests/fuzz/seeds.py build/fuzz/seeds || exit 1
mkdir -p build/fuzz/crashes
failed=0
for program in build/fuzz/fuzz/*_fuzz; do
    name=$(basename "$program" _fuzz)
    [ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
    [ -e "tests/fuzz/${name}_fuzz.c" ] || continue
    mkdir -p "build/fuzz/corpus/$name" "build/fuzz/seeds/$name" "build/fuzz/seeds/any"
    log=build/fuzz/$name.log
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/crashes/$name-" "build/fuzz/corpus/$name" "build/fuzz/seeds/$name" \
        build/fuzz/seeds/any >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "ok - $name: $runs inputs"
    else
        echo "not ok - $name: $log"
        grep -vE '^(#|INFO|stat::)' "$log" | tail -60 | sed 's/^/# /'
        failed=1
    fi
done
exit $failed
