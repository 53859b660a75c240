# The image of every role: Node.js 24 runs the sources, without a build step or development tools.
# The gateway's pod runs Envoy from Envoy's own image beside it.
FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The npm package of Node.js is for a checkout (hack/sallyport); the image has its own.
RUN npm install --no-save --omit=dev && rm -r node_modules/node

FROM node:24.21.0-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY operator operator
USER node
ENTRYPOINT ["node", "--max-semi-space-size=4", "--heap-growing-percent=25", "operator/main.ts"]
