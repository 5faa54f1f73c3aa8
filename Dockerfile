# syntax=docker/dockerfile:1.7
# Builds on amd64 and arm64. The image holds one binary, CA certificates and the libraries that it links.
FROM rust:1.95.0-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends libclang-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The target directory is a cache between builds, so the binary has to be copied out of it. It keeps its symbols, so
# that a panic names places, but not the debug information.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    PATH="/src/.cargo/unity:$PATH" cargo build --release --locked \
 && cp target/release/tidegauge /usr/local/bin/tidegauge \
 && strip --strip-debug /usr/local/bin/tidegauge

FROM debian:12.12-slim
ARG VERSION=0.3.0-dev
LABEL org.opencontainers.image.title="Tidegauge" \
      org.opencontainers.image.description="Exact running totals and event-time windows over a Kafka topic of payments" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libssl3 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 10001 tidegauge \
 && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/tidegauge --shell /usr/sbin/nologin tidegauge \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/tidegauge
COPY --from=build /usr/local/bin/tidegauge /usr/local/bin/tidegauge
# By number, so that a platform that refuses root can tell that it is none.
USER 10001:10001
WORKDIR /var/lib/tidegauge
# All that is written; the root file system may be read-only.
VOLUME /var/lib/tidegauge
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["tidegauge", "health"]
ENTRYPOINT ["tidegauge"]
CMD ["serve"]
