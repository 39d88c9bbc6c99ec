#!/usr/bin/env bash
# Partitions of real processes: five nodes, each in a network namespace of its
# own, joined by a bridge in another; nft rules that drop what comes from some
# of them; users who write all the while. After every heal it measures how long
# it takes until everything that any node held at that moment is on the disk of
# all. At the end all must hold the same, and what was acknowledged must be
# there.
#
#   scripts/netns.sh              20 partitions, some three minutes
#   ROUNDS=3 SEED=7 scripts/netns.sh
#
#   ROUNDS     partitions and heals (20)
#   SEED       decides who is cut off from whom and for how long (the time of day)
#   HEAL_MAX   milliseconds that a heal may take (5000)
#   CUT_MAX    seconds that a partition lasts at most (8)
#   SSNODE     the command, built from this tree if it is not given
#
# It needs root, ip and nft (Debian: iproute2, nftables), and says aloud that it
# was skipped where one is missing. All addresses it talks to are within the
# namespaces that it makes; they, the processes and the files are gone when it
# ends, however that comes about, except by SIGKILL.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${ROUNDS:-20}
seed=${SEED:-$(date +%s)}
heal_max=${HEAL_MAX:-5000}
cut_max=${CUT_MAX:-8}
nodes=5
keys=8
batch=20
prefix=ssnode$$
net=10.231.77
RANDOM=$((seed % 32768))

skip() {
  printf '\n*** netns: SKIPPED, nothing was shown: %s ***\n\n' "$1"
  exit 0
}
[ "$(id -u)" = 0 ] || skip 'network namespaces need root'
for tool in ip nft; do
  command -v "$tool" >/dev/null || skip "there is no $tool; on Debian: apt-get install iproute2 nftables"
done

tmp=$(mktemp -d)
declare -A daemon
declare -a writers=() spaces=()

# cleanup ends what was started, by process id, and removes what was made.
cleanup() {
  trap - EXIT INT TERM HUP
  touch "$tmp/stop"
  local pid space
  for pid in "${writers[@]}" "${daemon[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${writers[@]}" "${daemon[@]}"; do wait "$pid" 2>/dev/null || true; done
  for space in "${spaces[@]}"; do ip netns del "$space" 2>/dev/null || true; done
  rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

space() { printf '%s-n%d' "$prefix" "$1"; }
in_space() { local i=$1; shift; ip netns exec "$(space "$i")" "$@"; }
# ask runs a client command against node i.
ask() { local i=$1; shift; in_space "$i" "$ssnode" "$@" --addr http://127.0.0.1:7481; }
millis() { local now; now=$(date +%s%N); printf '%d' $((now / 1000000)); }

make_network() {
  local i
  ip netns add "$prefix-switch" 2>"$tmp/error" || skip "a namespace cannot be made: $(cat "$tmp/error")"
  spaces+=("$prefix-switch")
  ip -n "$prefix-switch" link add bridge type bridge 2>"$tmp/error" || skip "a bridge cannot be made: $(cat "$tmp/error")"
  ip -n "$prefix-switch" link set bridge up
  for ((i = 1; i <= nodes; i++)); do
    ip netns add "$(space "$i")"
    spaces+=("$(space "$i")")
    ip link add wire netns "$(space "$i")" type veth peer name "port$i" netns "$prefix-switch" 2>"$tmp/error" ||
      skip "a veth pair cannot be made: $(cat "$tmp/error")"
    ip -n "$prefix-switch" link set "port$i" master bridge up
    ip -n "$(space "$i")" addr add "$net.$i/24" dev wire
    ip -n "$(space "$i")" link set wire up
    ip -n "$(space "$i")" link set lo up
    in_space "$i" nft 'table inet cut { chain input { type filter hook input priority 0; }; }' 2>"$tmp/error" ||
      skip "nft does not work in a namespace: $(cat "$tmp/error")"
  done
}

start_node() {
  local i=$1
  local -a join=()
  [ "$i" = 1 ] || join=(--join "$net.1:7480")
  # No function of the shell: its process would be that of the shell, and the
  # node would outlive it.
  ip netns exec "$(space "$i")" "$ssnode" run --data-dir "$tmp/n$i" --node "n$i" --cluster "$prefix" --api 127.0.0.1:7481 \
    --gossip "$net.$i:7480" --insecure "${join[@]}" >"$tmp/n$i.out" 2>"$tmp/n$i.log" &
  daemon[$i]=$!
}

# writer increases priorities at node i, a batch after the other, and counts
# what was acknowledged: one line per batch, with the key. A batch whose answer
# did not come counts as unsure.
writer() {
  local i=$1 n=0 key
  while [ ! -e "$tmp/stop" ]; do
    key=$((n++ % keys))
    if ask "$i" batch "$tmp/batch$i.$key" >/dev/null 2>>"$tmp/writer$i.log"; then
      echo "$key" >>"$tmp/acknowledged$i"
    else
      echo "$key" >>"$tmp/unsure$i"
    fi
  done
}

make_batches() {
  local i key n
  for ((i = 1; i <= nodes; i++)); do
    : >"$tmp/acknowledged$i"
    : >"$tmp/unsure$i"
    for ((key = 0; key < keys; key++)); do
      for ((n = 0; n < batch; n++)); do
        printf '{"op":"increase","keyspace":"default","node":"w%d","from":"k%d","to":"k%d~","by":1}\n' "$i" "$key" "$key"
      done >"$tmp/batch$i.$key"
    done
  done
}

acknowledged() { cat "$tmp"/acknowledged? | wc -l; }

# drop lets nothing get from node $1 to node $2.
drop() { in_space "$2" nft add rule inet cut input ip saddr "$net.$1" drop; }
both() { drop "$1" "$2"; drop "$2" "$1"; }
mend() {
  local i
  for ((i = 1; i <= nodes; i++)); do in_space "$i" nft flush chain inet cut input; done
}

# cut makes the partition of a round and prints what it is.
cut() {
  local round=$1 a=$((RANDOM % nodes + 1)) i j
  local b=$(((a + RANDOM % (nodes - 1)) % nodes + 1))
  case $((round % 6)) in
  0) for ((i = 1; i <= nodes; i++)); do [ "$i" = "$a" ] || both "$a" "$i"; done; echo "n$a cut off" ;;
  1) for i in $a $b; do for ((j = 1; j <= nodes; j++)); do [ "$j" = "$a" ] || [ "$j" = "$b" ] || both "$i" "$j"; done; done
    echo "n$a n$b | the others" ;;
  2) for ((i = 1; i <= nodes; i++)); do [ "$i" = "$a" ] || drop "$i" "$a"; done; echo "one way: n$a hears nobody" ;;
  3) for ((i = 1; i <= nodes; i++)); do [ "$i" = "$a" ] || drop "$a" "$i"; done; echo "one way: nobody hears n$a" ;;
  4) for ((i = 1; i <= nodes; i++)); do
      for ((j = i + 1; j <= nodes; j++)); do
        [ "$i" = "$a" ] || [ "$j" = "$a" ] || [ $((i % 2)) = $((j % 2)) ] || both "$i" "$j"
      done
    done
    echo "halves, n$a a bridge" ;;
  5) drop "$a" "$b"; echo "one way: n$b does not hear n$a" ;;
  esac
}

# settled waits until everything that any node holds now is on the disk of all: a
# write of each, after all its others, is confirmed by everybody.
settled() {
  local i status=0
  local -a waits=()
  for ((i = 1; i <= nodes; i++)); do
    ask "$i" increase --node probe --from "n$i" --by 1 --wait all --timeout 60s >"$tmp/wait$i" 2>&1 &
    waits+=($!)
  done
  for i in "${waits[@]}"; do wait "$i" || status=1; done
  return $status
}

ready() {
  local i
  for ((i = 1; i <= nodes; i++)); do
    [ "$(ask "$i" members -o json 2>/dev/null | grep -o '"liveness":"alive"' | wc -l)" = $nodes ] || return 1
  done
}

# until_true repeats a command for at most $1 seconds.
until_true() {
  local end=$(($(date +%s) + $1))
  shift
  until "$@"; do
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 0.1
  done
}

equal() {
  local i
  for ((i = 1; i <= nodes; i++)); do ask "$i" dump --canonical >"$tmp/dump$i" 2>/dev/null || return 1; done
  for ((i = 2; i <= nodes; i++)); do cmp -s "$tmp/dump1" "$tmp/dump$i" || return 1; done
}

# check_acknowledged compares the priorities at every node with what was
# acknowledged; an unsure batch may be there or not.
check_acknowledged() {
  local at i key wrong=0 least most got
  for ((at = 1; at <= nodes; at++)); do
    ask "$at" claims -o ndjson >"$tmp/claims"
    for ((i = 1; i <= nodes; i++)); do
      for ((key = 0; key < keys; key++)); do
        least=$(($(grep -cx "$key" "$tmp/acknowledged$i" || true) * batch))
        most=$((least + $(grep -cx "$key" "$tmp/unsure$i" || true) * batch))
        got=$(sed -n "s/.*\"node\":\"w$i\",\"from\":\"k$key\".*\"priority\":\([0-9]*\).*/\1/p" "$tmp/claims")
        if [ "${got:-0}" -lt "$least" ] || [ "${got:-0}" -gt "$most" ]; then
          echo "n$at shows ${got:-nothing} for w$i k$key; acknowledged $least, at most $most"
          wrong=1
        fi
      done
    done
  done
  return $wrong
}

ssnode=${SSNODE:-}
if [ -z "$ssnode" ]; then
  ssnode=$tmp/ssnode
  go build -o "$ssnode" ./cmd/ssnode
fi
make_network
make_batches
echo "seed $seed, $nodes nodes, $rounds partitions"
for ((i = 1; i <= nodes; i++)); do start_node "$i"; done
until_true 20 ready || { tail -n 20 "$tmp"/n?.log; echo 'the nodes do not meet'; exit 1; }
for ((i = 1; i <= nodes; i++)); do writer "$i" & writers+=($!); done

printf '\n%5s  %-28s %6s %12s %9s\n' round partition seconds operations 'heal, ms'
failed=0 slowest=0
for ((round = 1; round <= rounds; round++)); do
  before=$(acknowledged)
  cut "$round" >"$tmp/what" # not in a subshell, for the sake of RANDOM
  what=$(cat "$tmp/what")
  seconds=$((2 + RANDOM % (cut_max - 1)))
  sleep "$seconds"
  operations=$((($(acknowledged) - before) * batch))
  start=$(millis)
  mend
  verdict=
  settled || { verdict='  not settled within a minute'; failed=1; }
  took=$(($(millis) - start))
  [ "$took" -le "$slowest" ] || slowest=$took
  if [ "$took" -gt "$heal_max" ]; then verdict+="  longer than $heal_max ms"; failed=1; fi
  printf '%5d  %-28s %6d %12d %9d%s\n' "$round" "$what" "$seconds" "$operations" "$took" "$verdict"
done

touch "$tmp/stop"
for pid in "${writers[@]}"; do wait "$pid" || true; done
echo
until_true 20 equal || { echo 'the canonical dumps of the nodes differ'; failed=1; }
check_acknowledged || failed=1
if grep -l diverged "$tmp"/n?.log; then
  echo 'a difference was taken for corruption'
  failed=1
fi
printf '%d operations acknowledged, %d unsure; slowest heal %d ms; ' \
  $(($(acknowledged) * batch)) $(($(cat "$tmp"/unsure? | wc -l) * batch)) "$slowest"
if [ "$failed" != 0 ]; then
  echo 'FAILED'
  [ -z "${KEEP_LOGS:-}" ] || cp "$tmp"/*.log "$tmp"/wait* "$KEEP_LOGS"/
  exit 1
fi
echo 'all equal, nothing acknowledged lost'
