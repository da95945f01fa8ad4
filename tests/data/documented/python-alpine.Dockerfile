FROM localhost/python:3.12-alpine AS build
COPY requirements.txt /
RUN python3 -m pip download --only-binary :all: --dest /wheels --requirement /requirements.txt

FROM localhost/python:3.12-alpine
COPY --from=build /wheels /wheels
COPY yourapp.py /
RUN --mount=type=bind,source=wheelfix.pyz,target=/wheelfix.pyz \
    python3 /wheelfix.pyz install /wheels/*.whl && rm -r /wheels
CMD ["python3", "/yourapp.py"]
