#!/usr/bin/env bash
# Signs Docker in to the image registry on AWS (ECR) that IMAGE_REGISTRY names.
set -Eeuo pipefail

: "${IMAGE_REGISTRY:?set IMAGE_REGISTRY, an output of Terraform}"
aws ecr get-login-password |
  docker login --username AWS --password-stdin "${IMAGE_REGISTRY%%/*}" >/dev/null
echo "signed in to ${IMAGE_REGISTRY%%/*}"
