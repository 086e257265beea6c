# Builds the image that the daemon and its Jobs run: one static binary, no
# shell, no git, no root. Any builder will do:
#
#   docker build --build-arg VERSION=v0.1.0 -t tenantry .
#
# test/e2e runs the program in a folder with what the last stage names and nothing
# else, as the user that it names.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
# As the Makefile does.
RUN CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" GOTOOLCHAIN=local go build -ldflags "-s -w -X main.version=${VERSION}" -o /tenantry ./cmd/tenantry
RUN mkdir -m 0700 /state

FROM scratch
# Git servers are reached over HTTPS: the roots come from the build image.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# Jobs on a shard call it by name.
COPY --from=build /tenantry /usr/local/bin/tenantry
# The one place to write to: the mirror of the repository, and temporary ones.
COPY --from=build --chown=65532:65532 /state /var/lib/tenantry
USER 65532:65532
ENV PATH=/usr/local/bin
ENV TENANTRY_CACHE_DIR=/var/lib/tenantry/cache
ENV TMPDIR=/var/lib/tenantry
ENTRYPOINT ["tenantry"]
