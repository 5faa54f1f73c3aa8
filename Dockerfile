# syntax=docker/dockerfile:1
FROM rust:1.95-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends libclang-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The target directory is a cache between builds, so the binary has to be copied out of it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked \
 && cp target/release/tidegauge /usr/local/bin/tidegauge

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libssl3 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/tidegauge tidegauge \
 && install -d -o tidegauge -g tidegauge -m 0700 /var/lib/tidegauge
COPY --from=build /usr/local/bin/tidegauge /usr/local/bin/tidegauge
USER tidegauge
WORKDIR /var/lib/tidegauge
VOLUME /var/lib/tidegauge
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["tidegauge"]
CMD ["serve"]
