#!/usr/bin/env bash
# Puts the files that a host needs besides the images onto S3, as RELEASES_URL/<commit>.tar.gz.
#
#   RELEASES_URL=s3://bucket/releases setup/deploy/publish_release.sh [commit]
set -Eeuo pipefail
cd "$(dirname "$0")/../.."

: "${RELEASES_URL:?set RELEASES_URL, an output of Terraform}"
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
files=(docker-compose-airflow.yml docker-compose-service.yml setup/docker setup/deploy setup/deployment
  evidently_service/grafana evidently_service/prometheus)
git archive --format=tar.gz "$commit" -- "${files[@]}" |
  aws s3 cp --only-show-errors - "$RELEASES_URL/$commit.tar.gz"
echo "$RELEASES_URL/$commit.tar.gz"
