# Vitrine in one image. It takes the steps that `make setup` takes, by the same script, and nothing at run time.
#
#   docker build -t vitrine .
#   docker run --network host --init -v vitrine:/var/lib/vitrine vitrine
#
# WebRTC's media goes over UDP ports that are chosen freely, so `-p 8080:8080` alone is enough only with a TURN server in
# VITRINE_ICE_SERVERS.

FROM debian:12-slim AS system
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3.11 python3.11-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/vitrine
COPY deploy/install.py deploy/debian.txt deploy/
RUN python3.11 deploy/install.py system && rm -rf /var/lib/apt/lists/*

FROM system AS build
COPY deploy deploy
COPY ops ops
COPY avatar avatar
COPY web/client web/client
COPY web/words web/words
RUN python3.11 deploy/install.py run && rm -rf web/client

FROM system
RUN useradd --system --user-group --home-dir /var/lib/vitrine --create-home vitrine
COPY --from=build /opt/vitrine/.venv .venv
COPY --from=build /opt/vitrine/models models
COPY . .
COPY --from=build /opt/vitrine/web/static/app web/static/app
RUN .venv/bin/python -m compileall -q server.py avatar demo ops render rtc tenancy web wiring
USER vitrine
ENV VITRINE_DATA=/var/lib/vitrine VITRINE_LOG_FORMAT=json
VOLUME /var/lib/vitrine
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD [".venv/bin/python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('VITRINE_PORT', '8080') + '/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT [".venv/bin/python", "server.py"]
CMD ["all"]
