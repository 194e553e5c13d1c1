# One image for every process of docker-compose.yml. The assets are built by npm, the packages are pinned with hashes.
FROM node:24-slim AS assets
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH="/venv/bin:$PATH"
RUN python -m venv /venv && useradd --system --create-home --uid 10001 sharedeck
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
# By name: .dockerignore lets nothing else in.
COPY --chown=sharedeck manage.py Procfile ./
COPY --chown=sharedeck tools/serve tools/
COPY --chown=sharedeck hosting hosting/
COPY --chown=sharedeck panel panel/
COPY --chown=sharedeck redis_connections redis_connections/
COPY --chown=sharedeck safekeeping safekeeping/
COPY --chown=sharedeck static static/
COPY --chown=sharedeck templates templates/
COPY --from=assets --chown=sharedeck /build/node_modules/@tabler/core/dist/css/tabler.min.css* var/assets/tabler/
COPY --from=assets --chown=sharedeck /build/node_modules/@tabler/core/dist/js/tabler.min.js* var/assets/tabler/
COPY --from=assets --chown=sharedeck /build/node_modules/@xterm/xterm/css/xterm.css var/assets/xterm/
COPY --from=assets --chown=sharedeck /build/node_modules/@xterm/xterm/lib/xterm.js* var/assets/xterm/
COPY --from=assets --chown=sharedeck /build/node_modules/@xterm/addon-fit/lib/addon-fit.js* var/assets/xterm/
RUN mkdir /app/var/console && chown sharedeck /app /app/var /app/var/console && chmod 700 /app/var /app/var/console
USER sharedeck
