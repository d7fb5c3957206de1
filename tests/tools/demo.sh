#!/bin/sh
# make demo: replays pcaps/ into a private Redis on a Unix socket and reads the alerts back.
#
# usage: demo.sh SENSOR
sensor=$1
folder=$(mktemp -d) || exit 1
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' INT TERM

redis-server --port 0 --unixsocket "$folder/redis.sock" --dir "$folder" --save '' --appendonly no --daemonize no \
    >"$folder/redis.log" 2>&1 &
server=$!
tries=0
until redis-cli -s "$folder/redis.sock" ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat "$folder/redis.log"; echo "redis-server did not start"; exit 1; }
    sleep 0.1
done

cat <<EOT

Replaying pcaps/: recorded conversations between a company (10.20.0.0/16) and the world outside.
In some of them photographs or fingerprints leave; in the others nothing of the kind does.

EOT
"$sensor" replay --each --redis "unix://$folder/redis.sock" --sensor demo pcaps/*.pcap* || exit 1
cat <<EOT

Each alert now stands in the Redis stream dlp:alerts:demo, where a dashboard would read it.
The same, as a person reads it (dlp-sensor alerts):

EOT
"$sensor" alerts --redis "unix://$folder/redis.sock" || exit 1
cat <<EOT

A line is one object that left the network, and the rule in rules/ that says it matters.
CLOSED means it was seen whole, TRUNCATED that its end or a part was not seen. What each capture holds:
the .json beside it in pcaps/. One of them, with every detail:

    $sensor replay pcaps/put-photo.pcap
EOT
