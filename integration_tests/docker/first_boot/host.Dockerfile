# A host on AWS as setup/deploy/prepare_host.sh leaves it, and an image registry. The engine is this machine's.
FROM debian:bookworm-slim
# Only this test runs it, with the packages that Debian has today.
# hadolint ignore=DL3008
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends \
      apache2-utils ca-certificates curl docker-compose docker-registry docker.io python3-pip \
    && pip install --quiet --no-cache-dir --break-system-packages awscli==1.45.11 \
    && rm -rf /var/lib/apt/lists/*
