# Builds the image that the daemon and its Jobs run: one static binary, no
# shell, no git, no root. Any builder will do:
#
#   docker build --build-arg VERSION=v0.1.0 -t tenantry .

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X main.version=${VERSION}" \
      -o /tenantry ./cmd/tenantry && \
    mkdir -m 0700 /state

FROM scratch
# Git servers are reached over HTTPS: the roots come from the build image.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# Jobs on a shard call it by name.
COPY --from=build /tenantry /usr/local/bin/tenantry
COPY --from=build --chown=65532:65532 /state /var/lib/tenantry
USER 65532:65532
ENV PATH=/usr/local/bin
ENV TENANTRY_CACHE_DIR=/var/lib/tenantry
ENTRYPOINT ["tenantry"]
