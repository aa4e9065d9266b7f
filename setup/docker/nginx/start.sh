#!/bin/sh
# Write nginx's configuration from the environment and start it. The root file system is read-only.
set -eu

templates=/etc/vehicle-price
mkdir -p /tmp/nginx

server=http.conf
if [ -n "${TLS_DIR:-}" ]; then
  for file in tls.crt tls.key; do
    [ -r "/etc/tls/$file" ] || {
      echo "TLS_DIR=$TLS_DIR: nginx (user $(id -u)) cannot read $file there; give it, or unset TLS_DIR" >&2
      exit 1
    }
  done
  server=https.conf
fi

for name in nginx.conf locations.conf "$server"; do
  sed -e "s/@SERVICE_ADDRESS@/${SERVICE_ADDRESS:?}/" -e "s/@STANDBY_ADDRESS@/${STANDBY_ADDRESS:?}/" \
    -e "s/@PUBLIC_TLS_PORT@/${PUBLIC_TLS_PORT:-5443}/" -e "s/@BATCH_MAX_MB@/${BATCH_MAX_MB:-100}/" \
    "$templates/$name" >"/tmp/nginx/$name"
done
mv "/tmp/nginx/$server" /tmp/nginx/server.conf
exec nginx -c /tmp/nginx/nginx.conf -g 'daemon off;'
