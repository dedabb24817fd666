# One image for the API, the worker and the migrations: its command is serve, work, migrate, create-admin or health.
#   docker build -t shop .
# BUN provides the bun that builds and the one that runs, BASE everything else; both need glibc, BASE also libgcc.
ARG BUN=docker.io/oven/bun:1.4.5
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

# Runs on the machine that builds, whatever the image is for: nothing of the other architecture is run here.
FROM --platform=$BUILDPLATFORM $BUN AS build
# Without a default, which would win over the architecture that is asked for.
ARG TARGETARCH
# Where it will run: the bundle remembers where its files were.
WORKDIR /shop
COPY package.json bun.lock ./
COPY patches patches
RUN cpu=$(echo "${TARGETARCH:-$(uname -m)}" | sed 's/amd64\|x86_64/x64/; s/aarch64/arm64/') \
    && bun install --frozen-lockfile --production --ignore-scripts --os=linux --cpu="$cpu"
COPY tsconfig.json index.ts worker.ts ./
COPY deploy deploy
COPY scripts scripts
COPY src src
RUN sh deploy/bundle.sh dist
COPY clients clients
COPY console console
RUN sh scripts/build-console.sh

FROM $BUN AS bun

FROM $BASE
# Apart from the shop, so that a release whose Bun is the one before shares this layer with it.
COPY --from=bun /usr/local/bin/bun /usr/local/bin/bun
COPY --from=build /shop/dist /shop/dist
COPY drizzle /shop/drizzle
COPY src/routes/assets /shop/src/routes/assets
COPY --from=build /shop/console/dist /shop/console/dist
ENV NODE_ENV=production \
    BUN_RUNTIME_TRANSPILER_CACHE_PATH=0
USER 65532:65532
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["bun", "/shop/dist/shop.js", "health"]
ENTRYPOINT ["bun", "/shop/dist/shop.js"]
CMD ["serve"]
# Last, because they differ from build to build.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="shop" \
      org.opencontainers.image.description="An e-commerce backend: a REST API and a background worker" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
