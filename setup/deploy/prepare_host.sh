#!/usr/bin/env bash
# Prepares an EC2 host before first_boot.sh: the data volume, Docker with Compose, the AWS command line. Changes nothing
# where all of it is there. The unit vehicle-price repeats it until it succeeds.
set -Eeuo pipefail

HOST_SETTINGS=${HOST_SETTINGS:-/etc/vehicle-price/host.env}
FSTAB=${FSTAB:-/etc/fstab}
MOUNT_POINT=${MOUNT_POINT:-/var/lib/docker} # images and the containers' volumes
DEVICES=${DEVICES:-/dev/disk/by-id}

main() {
  # shellcheck source=/dev/null
  source "$HOST_SETTINGS"
  mount_data_volume # before Docker is installed, which would write to the system's disk
  install_packages
  install_aws_command
}

mount_data_volume() {
  if mountpoint -q "$MOUNT_POINT"; then return; fi
  local device=$DEVICES/nvme-Amazon_Elastic_Block_Store_${DATA_VOLUME/-/}
  [ -e "$device" ] || stop "the volume $DATA_VOLUME is not attached yet"
  # Only a volume on which blkid finds nothing at all is formatted. Status 2: nothing found.
  local status=0
  blkid --probe "$device" >/dev/null || status=$?
  case $status in
    0) ;;
    2) mkfs.ext4 -q -L vehicle-price "$device" ;;
    *) stop "blkid cannot read the volume $DATA_VOLUME (status $status); it was left as it is" ;;
  esac
  mkdir -p "$MOUNT_POINT"
  grep -q "^LABEL=vehicle-price " "$FSTAB" ||
    echo "LABEL=vehicle-price $MOUNT_POINT ext4 defaults,nofail,x-systemd.before=docker.service 0 2" >>"$FSTAB"
  mount "$MOUNT_POINT" || stop "the volume $DATA_VOLUME cannot be mounted on $MOUNT_POINT"
}

install_packages() {
  if command -v docker >/dev/null && docker compose version >/dev/null 2>&1; then return; fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update || stop "apt-get cannot reach Ubuntu's packages"
  apt-get -qq install -y docker.io docker-compose-v2 curl >/dev/null ||
    stop "apt-get cannot install docker.io and docker-compose-v2"
}

install_aws_command() {
  if command -v aws >/dev/null; then return; fi
  snap install aws-cli --classic || stop "snap cannot install aws-cli"
}

stop() {
  echo "prepare_host: $1" >&2
  exit 1
}

main
