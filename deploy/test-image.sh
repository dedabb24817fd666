#!/bin/sh
# Builds the image and runs the suite of tests/image on it: sh deploy/test-image.sh
# For Debian and Ubuntu, as root; it installs what is missing. It takes minutes, the first time above all.
set -eu
cd "$(dirname "$0")/.."

packages='buildah podman netavark runc debootstrap'
# shellcheck disable=SC2086 # one word for each package
if ! dpkg --status $packages >/dev/null 2>&1; then
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages
fi

sh deploy/build.sh --local-base localhost/shop
IMAGE=localhost/shop IMAGE_BASE=localhost/shop-base exec sh scripts/run.sh scripts/test.ts ./tests/image/image.ts
