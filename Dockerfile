# One image for every part: `migrate`, `serve`, `project`.
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONPATH=/app

WORKDIR /app
COPY requirements/run.txt requirements/run.txt
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement requirements/run.txt

COPY pyproject.toml ./
COPY events/ events/
COPY readmodels/ readmodels/
COPY commands/ commands/
COPY projections/ projections/
COPY api/ api/

RUN useradd --system --uid 10001 --no-create-home taskledger
USER taskledger

EXPOSE 5000 5001
ENTRYPOINT ["python", "-P", "-m", "api.cli"]
CMD ["serve", "--host", "0.0.0.0"]
