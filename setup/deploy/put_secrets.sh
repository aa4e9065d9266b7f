#!/usr/bin/env bash
# Puts secrets into AWS's Parameter Store, where hosts of both sides read them at their next boot: the value of each
# named variable that is set. The values are no arguments, which other users of the machine could read.
#
#   PARAMETER_PATH=/vehicle-price MONGODB_URL=… setup/deploy/put_secrets.sh MONGODB_URL
set -Eeuo pipefail

: "${PARAMETER_PATH:?set PARAMETER_PATH, such as /vehicle-price}"
for name; do
  if [ -z "${!name:-}" ]; then
    echo "$name is not set: left as it is"
    continue
  fi
  printf '%s' "${!name}" |
    aws ssm put-parameter --overwrite --type SecureString --name "$PARAMETER_PATH/shared/$name" \
      --value file:///dev/stdin >/dev/null
  echo "$PARAMETER_PATH/shared/$name is set"
done
