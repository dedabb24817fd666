#!/bin/sh
# Builds the image `shop`, with Docker or with Debian's buildah: sh deploy/build.sh [--local-base] [TAG]
# Its bases come from their registries. With --local-base, or when those are out of reach, they are made here: Debian by
# debootstrap, and Bun from node_modules. That takes root, buildah, runc and debootstrap.
set -eu
cd "$(dirname "$0")/.."

local_base=no
if [ "${1:-}" = --local-base ]; then
  local_base=yes
  shift
fi
tag=${1:-shop}
version=$(sed -n 's/^ *"version": "\(.*\)",*$/\1/p' package.json)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

base=localhost/shop-base
bun=localhost/shop-bun:$(sed -n 's/^ARG BUN=.*://p' Dockerfile)

registry_images() {
  sed -n 's/^ARG \(BUN\|BASE\)=//p' Dockerfile
}

registries_answer() {
  for image in $(registry_images); do
    buildah pull --quiet "$image" >/dev/null 2>&1 || return 1
  done
}

make_local_bases() {
  if buildah inspect --type image "$base" >/dev/null 2>&1 && buildah inspect --type image "$bun" >/dev/null 2>&1; then
    return
  fi
  # Installs the packages, and so Bun.
  sh scripts/run.sh --version >/dev/null
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase bookworm "$root" >&2
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

  container=$(buildah from scratch)
  buildah add --quiet "$container" "$root" / >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet --rm "$container" "$base" >/dev/null
  rm -rf "$root"

  container=$(buildah from "$base")
  buildah copy --quiet --chmod 755 "$container" "$(readlink -f node_modules/.bin/bun)" /usr/local/bin/bun >/dev/null
  # Behind a proxy with an authority of its own, the install has to trust what this machine trusts.
  if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
    buildah copy --quiet "$container" "$NODE_EXTRA_CA_CERTS" /etc/extra-ca.crt >/dev/null
    buildah config --env NODE_EXTRA_CA_CERTS=/etc/extra-ca.crt "$container"
  fi
  buildah commit --quiet --rm "$container" "$bun" >/dev/null
}

if docker info >/dev/null 2>&1 && [ "$local_base" = no ]; then
  exec docker build --build-arg VERSION="$version" --build-arg REVISION="$revision" --tag "$tag" .
fi

if [ "$local_base" = yes ] || ! registries_answer; then
  echo 'Making the base images here.' >&2
  make_local_bases
  set -- --build-arg BASE="$base" --build-arg BUN="$bun"
else
  set --
fi
# HEALTHCHECK is of Docker's format. The host's network, because Debian's buildah has no other without more packages.
exec buildah build --runtime runc --format docker --layers --network host \
  "$@" --build-arg VERSION="$version" --build-arg REVISION="$revision" --tag "$tag" .
