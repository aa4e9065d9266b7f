#!/usr/bin/env bash
# Asks the service of this host for a price, through nginx as clients do. ENV_FILE: the platform's settings.
# A host without the serving side has no service to ask.
set -Eeuo pipefail

ENV_FILE=${ENV_FILE:-.env}
LISTING='{"year": 2014, "manufacturer": "honda", "odometer": 88000}'

main() {
  [ -r "$ENV_FILE" ] || stop "$ENV_FILE cannot be read"
  if [ "$(setting SIDE both)" = training ]; then
    echo "smoke test: this host has the training side only"
    return
  fi
  local url answer
  url=http://$(setting SERVICE_BIND_HOST 127.0.0.1):$(setting SERVICE_PORT 5000)
  if [ -n "$(setting TLS_DIR '')" ]; then
    url=https://$(setting SERVICE_BIND_HOST 127.0.0.1):$(setting SERVICE_TLS_PORT 5443)
  fi
  # The certificate names the public host, not this address.
  answer=$(curl -sS --fail-with-body --insecure --max-time 30 --retry 3 -H 'Content-Type: application/json' \
    -d "$LISTING" "$url/predict" 2>&1) || stop "no price from $url ($answer)"
  [[ $answer =~ \"price\":\ *([0-9]+) ]] || stop "no price in the answer of $url: $answer"
  echo "smoke test: price ${BASH_REMATCH[1]} from $url"
}

setting() { # name, value where it is not set
  local line
  line=$(grep -E "^$1=" "$ENV_FILE" | tail -n 1) || true
  line=${line#*=}
  line=${line#\'}
  echo "${line:+${line%\'}}" | grep . || echo "$2"
}

stop() {
  echo "smoke test failed: $1" >&2
  exit 1
}

main
