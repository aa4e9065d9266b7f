# The MLflow server. Build it from the project's root with `make images`;
# setup/docker.md describes the images.
ARG BASE=python:3.11-slim-bookworm

# A stage of its own: a change of the lock that concerns other parts leaves the next one as it is.
FROM ${BASE} AS requirements
WORKDIR /build
COPY Pipfile.lock ./
COPY setup/requirements.py setup/
RUN python setup/requirements.py mlflow > requirements.txt \
    && python setup/requirements.py tools > tools.txt \
    && grep '^uv==' tools.txt > uv.txt

FROM ${BASE} AS build
WORKDIR /build
COPY --from=requirements /build/uv.txt ./
RUN pip install --quiet --no-cache-dir --require-hashes -r uv.txt
COPY --from=requirements /build/requirements.txt ./
RUN python -m venv --without-pip /opt/venv \
    && uv pip sync --quiet --no-cache --require-hashes --compile-bytecode \
        --python /opt/venv/bin/python requirements.txt
WORKDIR /app
COPY setup/docker/image image
COPY setup/mlflow_access setup/mlflow_access
# The checkout's umask may be strict; the code is for every user of the container to read.
RUN chmod -R a+rX /app && /opt/venv/bin/python -m compileall -q /app

FROM ${BASE}
RUN groupadd --gid 10001 app && useradd --uid 10001 --gid app --no-create-home --home-dir /tmp app \
    && install -d -o app -g app -m 0700 /var/lib/vehicle-price \
        /var/lib/vehicle-price/mlflow-artifacts
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GIT_PYTHON_REFRESH=quiet \
    LOCAL_DIR=/var/lib/vehicle-price \
    RUN_DIR=/tmp/run
USER 10001:10001
ENTRYPOINT ["python", "/app/image/entrypoint.py"]
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5001", "--workers", "1"]
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 \
    CMD ["python", "/app/image/healthcheck.py", "http://127.0.0.1:5001/health"]

# Last: they change with each commit, and the layers above stay the same.
ARG COMMIT=unknown
ARG VERSION=unknown
ARG SOURCE=unknown
ENV CODE_COMMIT=${COMMIT}
LABEL org.opencontainers.image.title="vehicle-price mlflow" \
    org.opencontainers.image.revision="${COMMIT}" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.source="${SOURCE}" \
    org.opencontainers.image.licenses="MIT"
