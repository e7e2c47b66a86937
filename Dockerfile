# One image: built with the locked dependencies, run by an ordinary user.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY tools/uv.txt tools/
RUN python -m venv /uv && /uv/bin/pip install --no-cache-dir --require-hashes -r tools/uv.txt
ENV UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
# Compiled here: whoever runs it may not write there, and would compile two thousand files at every start.
# The lock's hashes hold for what runs (/app) and for what builds (/build); tools for development stay out.
COPY pyproject.toml requirements.lock ./
RUN /uv/bin/uv venv /app \
    && /uv/bin/uv pip install --compile-bytecode --python /app \
        --require-hashes --constraints requirements.lock -r pyproject.toml \
    && /uv/bin/uv venv /build \
    && /uv/bin/uv pip install --python /build --require-hashes --constraints requirements.lock --group build
COPY README.md LICENSE ./
COPY core core
COPY bots bots
RUN /build/bin/hatchling build -t wheel \
    && /uv/bin/uv pip install --compile-bytecode --python /app --no-deps dist/*.whl

FROM python:3.13-slim-bookworm
# libgomp1: the embedded model's runtime is linked against it.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin sluice \
    && install -d -o sluice -g sluice /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 SLUICE_DATA_DIR=/data
# A cache would end with the container, whoever runs it: so the demo model is kept with the data.
ENV XDG_CACHE_HOME=/dev/null
# A new named volume takes over the owner of this folder.
VOLUME /data
USER 10001:10001
ENTRYPOINT ["sluice"]
# Never the sandbox: a missing token is a mistake here.
CMD ["run", "--live"]
