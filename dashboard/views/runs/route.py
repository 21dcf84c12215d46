"""The route of the tables' rows: browsers poll it, and no script runs for it."""

import asyncio
import hashlib
import json

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboard import fields, notices
from dashboard.views.runs import compare, overview, rows


async def table(request: Request) -> Response:
    """``/lab/runs?view=NAME`` or ``?compare=ID,ID``: the rows as JSON; 304 to a browser that has the same ones.

    503, with a sentence, while the lab cannot read its disk, or ends: the browser asks again.
    """
    query = request.query_params
    try:
        if "compare" in query:
            text = await asyncio.to_thread(lambda: json.dumps(compare.table(query["compare"].split(","))).encode())
        elif (view := query.get("view")) in overview.VIEWS:
            text = await asyncio.to_thread(rows.text, view, overview.VIEWS[view])
        else:
            return PlainTextResponse("No such table.", 404)
    except notices.FAILURES as error:
        return PlainTextResponse(fields.explain(error), 503)
    headers = {"ETag": f'"{hashlib.sha256(text).hexdigest()[:16]}"', "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="application/json", headers=headers)


routes = [Route("/lab/runs", table)]
