# Three stages: the front end, the packages, and what runs (no compiler, no Node.js).
FROM node:22-bookworm-slim AS frontend
WORKDIR /app/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run build

FROM python:3.13-slim-bookworm AS packages
WORKDIR /app
COPY poetry.lock scripts/locked.py ./scripts/
RUN cp scripts/poetry.lock poetry.lock \
    && python scripts/locked.py main > requirements.txt \
    && python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt

FROM python:3.13-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app/src PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=pochtar.conf.settings POCHTAR_VAR=/data
RUN useradd --system --uid 10001 pochtar && install -d -o pochtar /data
WORKDIR /app
COPY --from=packages /venv /venv
COPY manage.py ./
COPY src ./src
COPY --from=frontend /app/src/pochtar/web/static/dist ./src/pochtar/web/static/dist
USER pochtar
VOLUME /data
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--no-ws", "--host", "0.0.0.0", "--port", "8000", "pochtar.conf.wsgi:application"]
