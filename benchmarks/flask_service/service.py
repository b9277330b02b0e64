"""The Flask service's application: `gunicorn 'benchmarks.flask_service.service:app_from_environment()'`."""

from __future__ import annotations

import os

from flask import Flask, Response, g, jsonify
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from werkzeug.exceptions import HTTPException

from benchmarks.flask_service.models import engine_url
from benchmarks.flask_service.views import ROUTES


def app_from_environment() -> Flask:
    """`DATABASE_URL` and `SECRET_KEY` say where and with which secret."""
    return create_app(os.environ["DATABASE_URL"], os.environ["SECRET_KEY"])


def create_app(database_url: str, secret_key: str) -> Flask:
    app = Flask(__name__)
    app.secret_key = secret_key
    app.extensions["engine"] = engine = create_engine(engine_url(database_url))
    sessions = sessionmaker(engine)

    @app.before_request
    def open_session() -> None:
        g.db = sessions()

    @app.teardown_request
    def close_session(_: BaseException | None) -> None:
        g.db.close()

    app.register_error_handler(HTTPException, refusal)
    for method, path, view in ROUTES:
        app.add_url_rule(path, f"{method} {path}", view, methods=[method])
    return app


def refusal(error: HTTPException) -> tuple[Response, int]:
    return jsonify(status="error", message=error.description), error.code or 500
