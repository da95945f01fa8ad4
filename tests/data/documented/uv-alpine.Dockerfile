ARG PYTHON=3.10

FROM localhost/ghcr.io/astral-sh/uv:alpine AS build
ARG PYTHON
ENV UV_PYTHON_INSTALL_DIR=/python UV_PYTHON_PREFERENCE=only-managed
RUN uv python install $PYTHON && uv venv --python $PYTHON /app
COPY requirements.txt /
RUN uvx --python $PYTHON pip download --only-binary :all: --dest /wheels --requirement /requirements.txt

FROM localhost/alpine:3.23
COPY --from=build /python /python
COPY --from=build /app /app
COPY --from=build /wheels /wheels
COPY yourapp.py /
RUN --mount=type=bind,source=wheelfix.pyz,target=/wheelfix.pyz \
    /app/bin/python /wheelfix.pyz install /wheels/*.whl && rm -r /wheels
CMD ["/app/bin/python", "/yourapp.py"]
