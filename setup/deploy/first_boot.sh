#!/usr/bin/env bash
# Starts this host's side of the platform: secrets and settings from Parameter Store, files and images of the release,
# compose. It can be repeated: at every boot, it changes only what differs. A fault stops it with one line that names
# the reason and what to do. The unit vehicle-price runs it and tries again after a minute.
set -Eeuo pipefail
umask 077

HOST_SETTINGS=${HOST_SETTINGS:-/etc/vehicle-price/host.env}
PROJECT_DIR=${PROJECT_DIR:-/opt/vehicle-price}
MODEL_SECONDS=${MODEL_SECONDS:-3600} # for the first training
PRICE_SECONDS=${PRICE_SECONDS:-3900} # a serving host waits for the training host

declare -A COMPOSE_FILES=([training]=docker-compose-airflow.yml [serving]=docker-compose-service.yml)
IMAGES=(airflow mlflow service streamlit evidently_service)
declare -A VALUES=() # names and values of .env
SIDES=()

main() {
  read_host_settings
  require_engine
  require_role
  read_parameters
  fetch_release
  require_secrets
  write_env
  sign_in_to_registry
  local side
  for side in "${SIDES[@]}"; do pull_images "$side"; done
  for side in "${SIDES[@]}"; do start "$side"; done
  if runs training; then train_first_model; fi
  if runs serving; then ask_for_a_price; fi
}

say() { echo "first_boot: $*"; }

stop() { # reason, what to do
  echo "first_boot stopped: $1. $2" >&2
  exit 1
}

runs() { [[ " ${SIDES[*]} " == *" $1 "* ]]; }

read_host_settings() {
  [ -r "$HOST_SETTINGS" ] ||
    stop "no host settings: $HOST_SETTINGS is missing" "Terraform's user data writes it; look at /var/log/cloud-init.log."
  # shellcheck source=/dev/null
  source "$HOST_SETTINGS"
  local name
  for name in SIDE PARAMETER_PATH AWS_DEFAULT_REGION RELEASES_URL; do
    [ -n "${!name:-}" ] || stop "no $name in $HOST_SETTINGS" "Replace the host: terraform apply -replace=…"
  done
  export AWS_DEFAULT_REGION
  case ${SIDE:?} in
    both) SIDES=(training serving) ;;
    training | serving) SIDES=("$SIDE") ;;
    *) stop "SIDE=$SIDE in $HOST_SETTINGS" "It must be training, serving or both." ;;
  esac
}

require_engine() {
  local answer
  command -v docker >/dev/null ||
    stop "no engine: docker is not installed" "Run prepare_host.sh, or apt-get install docker.io docker-compose-v2."
  answer=$(docker version --format '{{.Server.Version}}' 2>&1) ||
    stop "no engine: docker does not answer (${answer##*$'\n'})" "systemctl start docker, then journalctl -u docker."
  compose_command >/dev/null || stop "no engine: Compose is missing" "apt-get install docker-compose-v2."
}

compose_command() {
  if docker compose version >/dev/null 2>&1; then
    echo docker compose
  elif command -v docker-compose >/dev/null; then
    echo docker-compose
  else
    return 1
  fi
}

require_role() {
  local answer
  command -v aws >/dev/null || stop "no aws command" "Run prepare_host.sh, or snap install aws-cli --classic."
  answer=$(aws sts get-caller-identity --query Arn --output text 2>&1) && say "role $answer" && return
  case $answer in
    *"Unable to locate credentials"* | *NoCredentials*)
      stop "no role: this host has no instance profile" "Attach the one of Terraform: aws ec2 associate-iam-instance-profile." ;;
    *) stop "no role: AWS does not accept this host (${answer##*$'\n'})" "Look at its instance profile and at the clock." ;;
  esac
}

# Shared ones first, so that those of a side win.
read_parameters() {
  local folder name value answer
  for folder in shared release "${SIDES[@]}"; do
    answer=$(aws ssm get-parameters-by-path --path "$PARAMETER_PATH/$folder" --recursive --with-decryption \
      --query 'Parameters[].[Name,Value]' --output text 2>&1) ||
      stop "the parameters in $PARAMETER_PATH/$folder cannot be read (${answer##*$'\n'})" "Its role must allow ssm:GetParametersByPath there."
    while IFS=$'\t' read -r name value; do
      [[ -n $name && $name != None ]] || continue
      [[ $value != *"'"* ]] || stop "$name has a quotation mark" "Choose a value without '."
      VALUES[${name##*/}]=$value
    done <<<"$answer"
  done
}

# What compose mounts besides images; `setup/deploy/publish_release.sh` puts it there.
fetch_release() {
  local commit answer
  commit=$(value COMMIT "release/COMMIT")
  RELEASE_DIR=$PROJECT_DIR/releases/$commit
  if [ -d "$RELEASE_DIR" ]; then return; fi
  mkdir -p "$PROJECT_DIR/releases"
  rm -rf "$RELEASE_DIR.part" && mkdir "$RELEASE_DIR.part"
  answer=$(aws s3 cp --only-show-errors "$RELEASES_URL/$commit.tar.gz" "$RELEASE_DIR.part.tar.gz" 2>&1) ||
    stop "no release $commit: $RELEASES_URL/$commit.tar.gz cannot be fetched (${answer##*$'\n'})" "Publish it: setup/deploy/publish_release.sh $commit."
  tar -xzf "$RELEASE_DIR.part.tar.gz" -C "$RELEASE_DIR.part" ||
    stop "the release $commit is not a tar.gz file" "Publish it again: setup/deploy/publish_release.sh $commit."
  chmod -R u=rwX,go=rX "$RELEASE_DIR.part" # containers read it as other users
  rm "$RELEASE_DIR.part.tar.gz"
  mv "$RELEASE_DIR.part" "$RELEASE_DIR" # appears complete or not at all
}

value() { # name, where it should be
  [ -n "${VALUES[$1]:-}" ] ||
    stop "a missing secret or setting: $1 is not in Parameter Store" "Put it there: aws ssm put-parameter --type SecureString --name $PARAMETER_PATH/$2 --value …"
  echo "${VALUES[$1]}"
}

# The compose files say which variables they cannot start without.
require_secrets() {
  local side name
  for side in "${SIDES[@]}"; do
    while read -r name; do
      value "$name" "$side/$name" >/dev/null
    done < <(grep -v '^ *#' "$RELEASE_DIR/${COMPOSE_FILES[$side]}" | grep -oP '\$\{\K[A-Z0-9_]+(?=:\?)' | sort -u)
  done
}

write_env() {
  local name registry
  registry=$(value IMAGE_REGISTRY shared/IMAGE_REGISTRY)
  for name in "${IMAGES[@]}"; do
    set_image "$(image_variable "$name")" "$registry/$name:${VALUES[COMMIT]}"
  done
  VALUES[COMPOSE_PROJECT_NAME]=${VALUES[COMPOSE_PROJECT_NAME]:-vehicle-price}
  VALUES[PLATFORM_NETWORK]=${VALUES[PLATFORM_NETWORK]:-${VALUES[COMPOSE_PROJECT_NAME]}}
  if [ "${SIDE:?}" != both ]; then VALUES[SIDE]=$SIDE; fi
  for name in "${!VALUES[@]}"; do
    printf "%s='%s'\n" "$name" "${VALUES[$name]}"
  done | sort >"$PROJECT_DIR/.env.new"
  mv "$PROJECT_DIR/.env.new" "$PROJECT_DIR/.env"
}

image_variable() {
  case $1 in
    evidently_service) echo EVIDENTLY_IMAGE ;;
    *) echo "${1^^}_IMAGE" ;;
  esac
}

# A deployment may have named the image by its digest.
set_image() { VALUES[$1]=${VALUES[$1]:-$2}; }

sign_in_to_registry() {
  local host=${VALUES[IMAGE_REGISTRY]%%/*} password answer
  password=$(aws ecr get-login-password 2>&1) ||
    stop "the registry refuses: no password from ECR (${password##*$'\n'})" "The role must allow ecr:GetAuthorizationToken."
  answer=$(docker login --username AWS --password-stdin "$host" <<<"$password" 2>&1) ||
    stop "the registry refuses: $host (${answer##*$'\n'})" "Look at IMAGE_REGISTRY in $PARAMETER_PATH/shared, and at the network."
}

# Those of this project; compose fetches the others, such as nginx, where they are missing.
pull_images() {
  local name variable answer
  for name in "${IMAGES[@]}"; do
    variable=$(image_variable "$name")
    grep -qF "\${$variable:-" "$RELEASE_DIR/${COMPOSE_FILES[$1]}" || continue
    answer=$(docker pull -q "${VALUES[$variable]}" 2>&1) ||
      stop "the registry refuses: ${VALUES[$variable]} cannot be pulled (${answer##*$'\n'})" "Push the images of ${VALUES[COMMIT]}."
  done
}

start() {
  say "starting $1"
  docker network inspect "${VALUES[PLATFORM_NETWORK]}" >/dev/null 2>&1 ||
    docker network create --label vehicle-price.network=platform "${VALUES[PLATFORM_NETWORK]}" >/dev/null
  write_log_settings "$1"
  local options=(-d --remove-orphans)
  # With a database elsewhere, the container of PostgreSQL is not started.
  if [ "$1" = training ] && [ -n "${VALUES[DATABASE_HOST]:-}" ]; then options+=(--scale postgres=0); fi
  on "$1" up "${options[@]}" ||
    stop "the containers of $1 do not start" "docker ps -a, then docker logs of the one that has ended."
}

on() { # side, words for compose
  local side=$1 files
  shift
  files=(-f "$RELEASE_DIR/${COMPOSE_FILES[$side]}")
  if [ -e "$PROJECT_DIR/logs-$side.yml" ]; then files+=(-f "$PROJECT_DIR/logs-$side.yml"); fi
  # shellcheck disable=SC2046  # two words
  env -u SIDE $(compose_command) -p "${VALUES[COMPOSE_PROJECT_NAME]}-$side" --project-directory "$RELEASE_DIR" --env-file "$PROJECT_DIR/.env" "${files[@]}" "$@"
}

# Containers log to CloudWatch where LOG_GROUPS says so; `docker logs` still works.
write_log_settings() {
  local file=$PROJECT_DIR/logs-$1.yml services service
  [ -n "${LOG_GROUPS:-}" ] || return 0
  rm -f "$file"
  services=$(on "$1" config --services)
  {
    echo "services:"
    for service in $services; do
      echo "  $service: {logging: {driver: awslogs, options: {awslogs-region: $AWS_DEFAULT_REGION, awslogs-group: $LOG_GROUPS/$1, tag: '{{.Name}}', mode: non-blocking}}}"
    done
  } >"$file"
}

train_first_model() {
  if [ "$(model_status)" = 200 ]; then return; fi
  say "training the first model"
  # The same name at every boot: it is started once, whatever became of it.
  wait_for 300 trigger_training || stop "the first training cannot be started" "docker logs of airflow-scheduler and airflow-dag-processor."
  wait_for "$MODEL_SECONDS" has_model ||
    stop "no model in production after $MODEL_SECONDS s" "Look at the run first_boot in Airflow, and start another there."
}

trigger_training() {
  local answer
  answer=$(on training exec -T airflow-scheduler airflow dags trigger train_vehicle_price --run-id first_boot 2>&1) ||
    [[ $answer == *"already exists"* ]]
}

has_model() { [ "$(model_status)" = 200 ]; }

# The password is not in an argument, which every process of the host can read.
model_status() {
  curl -sS -o /dev/null -w '%{http_code}' --config - 2>/dev/null <<EOF || true
user = "training:${VALUES[MLFLOW_TRAINING_PASSWORD]}"
url = "http://${VALUES[MLFLOW_BIND_HOST]:-127.0.0.1}:${VALUES[MLFLOW_PORT]:-5001}/api/2.0/mlflow/registered-models/alias?name=vehicle-price&alias=production"
EOF
}

ask_for_a_price() {
  wait_for "$PRICE_SECONDS" price ||
    stop "no price after $PRICE_SECONDS s (${PRICE:-the service does not answer})" "docker logs of service and model-sync; on two hosts, is a model in production?"
  say "price $PRICE"
}

price() {
  local host=${VALUES[SERVICE_BIND_HOST]:-127.0.0.1} url
  url=http://$host:${VALUES[SERVICE_PORT]:-5000}
  if [ -n "${VALUES[TLS_DIR]:-}" ]; then url=https://$host:${VALUES[SERVICE_TLS_PORT]:-5443}; fi
  # The certificate names the public host, not this address.
  PRICE=$(curl -sS --insecure -H 'Content-Type: application/json' \
    -d '{"year": 2014, "manufacturer": "honda", "odometer": 88000}' "$url/predict" 2>&1) || return 1
  [[ $PRICE =~ \"price\":\ *([0-9]+) ]] || return 1
}

wait_for() { # seconds, command
  local end=$((SECONDS + $1))
  until "$2"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 5
  done
}

main
