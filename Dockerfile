# The image of every role that runs in a cluster but the collector, for "docker build -t sallyport/sallyport:TAG .": Node.js
# and the bundled program, without a shell. That of the collector, for "docker build --target collector -t
# sallyport/collector:TAG .", has DuckDB too, which is half as large as all else. hack/images.sh makes the same without
# Docker, and reads here how the images are run. The gateway's pod runs Envoy from Envoy's own image beside it.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /src
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save
COPY LICENSE Dockerfile ./
COPY hack hack
COPY operator operator
RUN bash hack/images.sh --product /product
RUN bash hack/images.sh --collector /collector

FROM scratch AS base
USER 65532:65532
WORKDIR /
# Left to itself V8 keeps the garbage of 60 changes, some 400 MB; and malloc keeps an arena for each thread, 40 MB.
ENV NODE_ENV=production MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "--heap-growing-percent=25", "--optimize-for-size", "/app/sallyport.mjs"]

FROM base AS collector
COPY --from=build /collector /
# It reads a batch of rows after the other. With room for several of them garbage is collected in half of the CPU time.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=16", "--heap-growing-percent=25", "/app/sallyport.mjs"]

FROM base
COPY --from=build /product /
